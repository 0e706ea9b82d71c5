-- name: plan_for_these_arguments!
-- A dimension is an argument: what a query reads depends on it, so each run is planned by itself.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: link_tallies
-- What due links of a cut come to, told apart by a dimension (Tally has the meaning of each).
WITH l AS MATERIALIZED (
    SELECT link_key(:by, l) AS key, l.*
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND link_key(:dimension, l) = :key),
sums AS (
    SELECT key,
           count(*) AS due,
           count(*) FILTER (WHERE valid) AS delivered,
           count(DISTINCT session_id) FILTER (WHERE valid) AS led,
           count(DISTINCT session_id) FILTER (WHERE valid AND evaluated) AS evaluated,
           count(DISTINCT school_code) FILTER (WHERE valid) AS schools_reached,
           coalesce(sum(present) FILTER (WHERE valid), 0) AS pupil_times,
           coalesce(sum(expected), 0) AS expected,
           coalesce(sum(present), 0) AS present,
           count(*) FILTER (WHERE mode = 'interactive' AND lasted) AS interactive,
           count(*) FILTER (WHERE mode = 'interactive' AND lasted AND took_floor) AS responded,
           count(*) FILTER (WHERE seconds > 0) AS started,
           count(*) FILTER (WHERE seconds > 0 AND interruptions > 0) AS interrupted,
           count(*) FILTER (WHERE makeup_due_on < :day) AS makeups_required,
           count(*) FILTER (WHERE makeup_due_on < :day AND made_up_on <= makeup_due_on)
               AS makeups_in_time,
           count(delay_p95_ms) AS measured,
           count(*) FILTER (WHERE delay_p95_ms <= :delay_limit AND loss_p95 <= :loss_limit)
               AS within_limits
    FROM l GROUP BY key),
classes AS (
    SELECT key, sum(most) AS pupils
    FROM (SELECT key, class_id, max(present) AS most FROM l WHERE valid GROUP BY key, class_id) c
    GROUP BY key),
used AS (
    SELECT key, room_id FROM l WHERE valid
    UNION SELECT key, lead_room_id FROM l WHERE valid AND :lead_rooms),
rooms AS (
    SELECT key, count(*) AS rooms_used
    FROM used JOIN room_counts c USING (room_id) WHERE c.counts_from <= :day GROUP BY key),
grades AS (
    SELECT key, count(*) AS subject_grades
    FROM (SELECT DISTINCT key, school_code, subject, grade FROM l WHERE valid) g
    JOIN (SELECT DISTINCT school_code, subject, grade FROM declared_needs
          WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)) n
        USING (school_code, subject, grade)
    GROUP BY key)
SELECT sums.*, coalesce(pupils, 0) AS pupils, coalesce(rooms_used, 0) AS rooms_used,
       coalesce(subject_grades, 0) AS subject_grades
FROM sums
LEFT JOIN classes USING (key) LEFT JOIN rooms USING (key) LEFT JOIN grades USING (key)
WHERE key IS NOT NULL ORDER BY key;

-- name: whole_weeks
-- Weeks of a period that are rolled up as they are.
SELECT monday FROM whole_weeks(:as_of, :since, :until, :delay_limit, :loss_limit) AS w (monday)
ORDER BY monday;

-- name: rolled_tallies
-- The same of the whole city, of its calendar weeks or of its receiving schools: weeks of `whole`
-- from the roll-ups, those of `rest` from their links.
WITH sums AS MATERIALIZED (
    SELECT * FROM rollup_sums WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT c.* FROM unnest(CAST(:rest AS date[])) AS w (monday),
        LATERAL week_sums(:as_of, greatest(w.monday, :since), least(w.monday + 6, :until),
                          :delay_limit, :loss_limit) c),
members AS MATERIALIZED (
    SELECT * FROM rollup_members WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT c.* FROM unnest(CAST(:rest AS date[])) AS w (monday),
        LATERAL week_members(:as_of, greatest(w.monday, :since), least(w.monday + 6, :until)) c),
makeups AS (
    SELECT * FROM rollup_makeups WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT c.* FROM unnest(CAST(:rest AS date[])) AS w (monday),
        LATERAL week_makeups(:as_of, greatest(w.monday, :since), least(w.monday + 6, :until)) c),
added AS (
    SELECT rolled_key(:by, monday, school_code) AS key,
           sum(due) AS due, sum(delivered) AS delivered, sum(led) AS led,
           sum(evaluated) AS evaluated, sum(pupil_times) AS pupil_times,
           sum(expected) AS expected, sum(present) AS present, sum(interactive) AS interactive,
           sum(responded) AS responded, sum(started) AS started,
           sum(interrupted) AS interrupted, sum(measured) AS measured,
           sum(within_limits) AS within_limits
    FROM sums WHERE (school_code = '') = (:by <> 'school') GROUP BY 1),
reached AS (
    SELECT rolled_key(:by, monday, school_code) AS key,
           count(DISTINCT school_code) AS schools_reached
    FROM sums WHERE school_code <> '' AND delivered > 0 GROUP BY 1),
owed AS (
    SELECT rolled_key(:by, monday, school_code) AS key,
           sum(required) AS makeups_required, sum(in_time) AS makeups_in_time
    FROM makeups WHERE makeup_due_on < :day GROUP BY 1),
counting AS (SELECT room_id FROM room_counts WHERE counts_from <= :day),
declared AS (
    SELECT DISTINCT school_code, subject || '/' || grade AS member FROM declared_needs
    WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)),
distinct_members AS MATERIALIZED (
    SELECT rolled_key(:by, monday, school_code) AS key,
           CASE WHEN kind = 'lead_room' THEN 'room' ELSE kind END AS kind,
           CASE WHEN kind = 'grade' THEN school_code || '/' || member ELSE member END AS member,
           max(most) AS most
    FROM members WHERE :lead_rooms OR kind <> 'lead_room' GROUP BY 1, 2, 3),
sets AS (
    SELECT key,
           count(*) FILTER (WHERE kind = 'room' AND member IN (SELECT room_id FROM counting))
               AS rooms_used,
           sum(most) FILTER (WHERE kind = 'class') AS pupils,
           count(*) FILTER (WHERE kind = 'grade' AND member IN (
               SELECT school_code || '/' || member FROM declared)) AS subject_grades
    FROM distinct_members GROUP BY key),
people AS (
    SELECT key, kind AS did, member AS teacher_id FROM distinct_members
    WHERE kind IN ('lead', 'assistant')
    UNION ALL
    SELECT DISTINCT research_key(:by, r), 'researcher', r.teacher_id
    FROM research_as_of(:as_of, :since, :until) r WHERE r.attended),
teaching AS (
    SELECT key,
           count(*) FILTER (WHERE did = 'lead') AS leads,
           count(*) FILTER (WHERE did = 'assistant') AS assistants,
           count(*) FILTER (WHERE did = 'researcher') AS researchers,
           count(DISTINCT teacher_id) AS teachers
    FROM people WHERE key IS NOT NULL GROUP BY key)
SELECT *
FROM added FULL JOIN reached USING (key) FULL JOIN owed USING (key) FULL JOIN sets USING (key)
    FULL JOIN teaching USING (key)
ORDER BY key;

-- name: rolled_school_weeks
-- Valid links of each receiving school in whole calendar weeks, as `school_weeks` has them.
SELECT school_code, monday, delivered AS links FROM rollup_sums
WHERE monday = ANY(CAST(:whole AS date[])) AND school_code <> '' AND delivered > 0
UNION ALL
SELECT l.school_code, w.monday, count(*)
FROM unnest(CAST(:rest AS date[])) AS w (monday),
     LATERAL links_known(:as_of, w.monday, w.monday + 6) l
WHERE l.due AND l.valid GROUP BY l.school_code, w.monday
ORDER BY 1, 2;

-- name: people
-- Distinct teachers by what they did, and their union, told apart by a dimension.
WITH l AS (
    SELECT DISTINCT link_key(:by, l) AS key, l.lead_teacher_id, l.assistant_id
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND l.valid AND link_key(:dimension, l) = :key),
people AS (
    SELECT key, 'lead' AS did, lead_teacher_id AS teacher_id FROM l
    UNION SELECT key, 'assistant', assistant_id FROM l
    UNION SELECT research_key(:by, r), 'researcher', r.teacher_id
    FROM research_as_of(:as_of, :since, :until) r
    WHERE r.attended AND research_key(:dimension, r) = :key)
SELECT key,
       count(*) FILTER (WHERE did = 'lead') AS leads,
       count(*) FILTER (WHERE did = 'assistant') AS assistants,
       count(*) FILTER (WHERE did = 'researcher') AS researchers,
       count(DISTINCT teacher_id) AS teachers
FROM people WHERE key IS NOT NULL AND teacher_id IS NOT NULL
GROUP BY key ORDER BY key;

-- name: school_weeks
-- Valid links of each receiving school in each calendar week. Weeks are whole: days before a period
-- count for the week that ends in it.
SELECT l.school_code, CAST(day_key('week', l.on_day) AS date) AS monday, count(*) AS links
FROM links_known(:as_of, :since, :until) l
WHERE l.due AND l.valid AND link_key(:dimension, l) = :key
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: research_tallies
-- Research meetings held, their length and who attended, told apart by a dimension.
WITH r AS (
    SELECT research_key(:by, r) AS key, r.* FROM research_as_of(:as_of, :since, :until) r
    WHERE research_key(:dimension, r) = :key),
meetings AS (
    SELECT key, count(*) AS activities, sum(seconds) AS research_seconds
    FROM (SELECT DISTINCT key, session_id, seconds FROM r) m GROUP BY key)
SELECT r.key, m.activities, m.research_seconds,
       count(*) FILTER (WHERE r.attended) AS attendances,
       count(DISTINCT r.teacher_id) FILTER (WHERE r.attended AND r.receiving)
           AS receiving_researchers
FROM r JOIN meetings m ON m.key = r.key
GROUP BY r.key, m.activities, m.research_seconds ORDER BY r.key;

-- name: push_tallies
-- Packages and what became of them by an instant, told apart by a dimension.
WITH p AS (
    SELECT CASE :by WHEN 'city' THEN '' WHEN 'school' THEN school_code WHEN 'mode' THEN 'push'
           ELSE day_key(:by, sent_on) END AS key,
           CASE :dimension WHEN 'city' THEN '' WHEN 'school' THEN school_code
           WHEN 'mode' THEN 'push' ELSE day_key(:dimension, sent_on) END AS cut,
           push_id, fetched, opened, watched
    FROM push_facts WHERE sent_on BETWEEN :since AND :until AND sent_on <= :day)
SELECT key, count(DISTINCT push_id) AS packages, count(*) AS pushed,
       count(*) FILTER (WHERE fetched <= :as_of) AS fetched,
       count(*) FILTER (WHERE opened <= :as_of) AS opened,
       count(*) FILTER (WHERE watched <= :as_of) AS watched
FROM p WHERE key IS NOT NULL AND cut = :key GROUP BY key ORDER BY key;

-- name: registered_rooms
SELECT r.id, r.school_code, s.role = 'hub' AS hub, r.phase, c.counts_from
FROM rooms r JOIN schools s ON s.code = r.school_code LEFT JOIN room_counts c ON c.room_id = r.id
WHERE r.status <> 'retired' ORDER BY r.id;

-- name: registered_schools
SELECT s.code, s.hub_code,
       (SELECT coalesce(sum(c.enrolment), 0) FROM class_groups c WHERE c.school_code = s.code)
           AS enrolment,
       (SELECT count(*) FROM teachers t WHERE t.school_code = s.code) AS teachers
FROM schools s WHERE s.role = 'receiving' ORDER BY s.code;

-- name: receiving_teachers
SELECT t.id, t.school_code FROM teachers t JOIN schools s ON s.code = t.school_code
WHERE s.role = 'receiving' ORDER BY t.id;

-- name: needs
SELECT DISTINCT school_code, subject, grade FROM declared_needs
WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)
ORDER BY school_code, subject, grade;
