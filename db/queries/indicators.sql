-- name: plan_for_these_arguments!
-- A dimension is an argument: what a query reads depends on it, so each run is planned by itself.
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: link_tallies
-- What due links of a cut come to, told apart by a dimension (Tally has the meaning of each).
WITH l AS MATERIALIZED (
    SELECT link_key(:by, l) AS key, l.*
    FROM links_as_of(:as_of, :since, :until) l
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

-- name: people
-- Distinct teachers by what they did, and their union, told apart by a dimension.
WITH l AS (
    SELECT DISTINCT link_key(:by, l) AS key, l.lead_teacher_id, l.assistant_id
    FROM links_as_of(:as_of, :since, :until) l
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
FROM links_as_of(:as_of, :since, :until) l
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
