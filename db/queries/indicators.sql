-- name: plan_for_these_arguments!
-- A dimension is an argument: what a query reads depends on it, so each run is planned by itself.
-- Compiling a query takes longer here than running it.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true);

-- name: link_tallies
-- What due links of a cut come to, told apart by a dimension (Tally has the meaning of each).
WITH l AS MATERIALIZED (
    SELECT link_key(:by, l) AS key, session_id, evaluated, valid, school_code, class_id, room_id,
           lead_room_id, subject, grade, mode, lasted, took_floor, seconds, interruptions,
           expected, present, makeup_due_on, made_up_on, delay_p95_ms, loss_p95
    FROM links_known(:as_of, :since, :until) l
    WHERE l.due AND link_key(:dimension, l) = :key),
sums AS (
    SELECT key,
           count(*) AS due,
           count(*) FILTER (WHERE valid) AS delivered,
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
held AS (
    SELECT key, count(*) AS led, count(*) FILTER (WHERE evaluated) AS evaluated
    FROM (SELECT key, session_id, bool_or(evaluated) AS evaluated FROM l WHERE valid
          GROUP BY key, session_id) h
    GROUP BY key),
schools AS (
    SELECT key, count(*) AS schools_reached
    FROM (SELECT DISTINCT key, school_code FROM l WHERE valid) s GROUP BY key),
classes AS (
    SELECT key, sum(most) AS pupils
    FROM (SELECT key, class_id, max(present) AS most FROM l WHERE valid GROUP BY key, class_id) c
    GROUP BY key),
used AS (
    SELECT key, room_id FROM l WHERE valid
    UNION SELECT key, lead_room_id FROM l WHERE valid AND :lead_rooms),
rooms AS (
    SELECT key, count(*) AS rooms_used
    FROM used JOIN rooms_as_of(:as_of) c USING (room_id) WHERE c.counts_from <= :day GROUP BY key),
grades AS (
    SELECT key, count(*) AS subject_grades
    FROM (SELECT DISTINCT key, school_code, subject, grade FROM l WHERE valid) g
    JOIN (SELECT DISTINCT school_code, subject, grade FROM declared_needs
          WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)) n
        USING (school_code, subject, grade)
    GROUP BY key)
SELECT *
FROM sums LEFT JOIN held USING (key) LEFT JOIN schools USING (key) LEFT JOIN classes USING (key)
    LEFT JOIN rooms USING (key) LEFT JOIN grades USING (key)
WHERE key IS NOT NULL ORDER BY key;

-- name: whole_weeks
-- Weeks of a period that are rolled up as they are.
SELECT monday FROM whole_weeks(:as_of, :since, :until, :delay_limit, :loss_limit) AS w (monday)
ORDER BY monday;

-- name: weeks_with_lessons
-- Of some weeks those with a session.
SELECT monday FROM unnest(CAST(:mondays AS date[])) AS w (monday)
WHERE EXISTS (SELECT FROM sessions s WHERE s.on_day BETWEEN w.monday AND w.monday + 6)
ORDER BY monday;

-- name: whole_blocks
-- Blocks of eight weeks, none of whose weeks is other than whole.
SELECT b.block FROM rollup_blocks b
WHERE b.block BETWEEN CAST(:since AS date) - 55 AND :until
  AND NOT EXISTS (SELECT FROM rollup_weeks w WHERE w.monday BETWEEN b.block AND b.block + 55
                  AND w.monday <> ALL(CAST(:whole AS date[])))
  AND NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday BETWEEN b.block AND b.block + 55)
ORDER BY b.block;

-- name: rolled_tallies
-- The same, with people, research meetings and pushes, of the whole city, of its calendar weeks and
-- of its receiving schools at once (`told`): weeks of `whole` from the roll-ups, of their sets those
-- in `blocks` from what was reached in 64 weeks and those in `single` by themselves; weeks of `rest`
-- from their links.
WITH sums AS MATERIALIZED (
    SELECT * FROM rollup_sums WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT * FROM late_sums(:as_of, :since, :until, :rest, :delay_limit, :loss_limit)),
makeups AS (
    SELECT monday, school_code, required, in_time FROM rollup_owed
    WHERE monday = ANY(CAST(:whole AS date[])) AND last_due_on < :day
    UNION ALL
    SELECT monday, school_code, m.required, m.in_time
    FROM rollup_owed o JOIN rollup_makeups m USING (monday, school_code)
    WHERE monday = ANY(CAST(:whole AS date[])) AND o.last_due_on >= :day AND m.makeup_due_on < :day
    UNION ALL
    SELECT monday, school_code, required, in_time
    FROM late_makeups(:as_of, :since, :until, :rest) WHERE makeup_due_on < :day),
late AS MATERIALIZED (
    SELECT * FROM late_members(:as_of, :since, :until, :rest)),
spans AS MATERIALIZED (
    SELECT span_of(block) AS span,
           bit_or(CAST(255 AS bigint) << ((block - span_of(block)) / 7)) AS wanted
    FROM unnest(CAST(:blocks AS date[])) AS b (block) GROUP BY 1),
declared AS MATERIALIZED (
    SELECT DISTINCT school_code, subject || '/' || grade AS member FROM declared_needs
    WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)),
reach AS MATERIALIZED (
    SELECT span, school_code, kind, member, weeks & wanted AS weeks
    FROM rollup_reach JOIN spans USING (span)
    WHERE weeks & wanted <> 0 AND kind NOT IN ('teacher', 'class', 'grade')),
grade_reach AS MATERIALIZED (
    SELECT span, school_code, member, weeks & wanted AS weeks
    FROM rollup_reach JOIN spans USING (span) JOIN declared USING (school_code, member)
    WHERE weeks & wanted <> 0 AND kind = 'grade'),
members AS MATERIALIZED (
    SELECT kind, member, school_code, max(most) AS most
    FROM (SELECT kind, member, school_code, CAST(NULL AS integer) AS most FROM reach
          UNION ALL
          SELECT kind, member, school_code, most FROM rollup_block_members
          WHERE block = ANY(CAST(:blocks AS date[])) AND kind = 'class'
          UNION ALL
          SELECT kind, member, school_code, most FROM rollup_members
          WHERE monday = ANY(CAST(:single AS date[])) AND kind NOT IN ('teacher', 'grade')
          UNION ALL
          SELECT kind, member, school_code, most FROM late WHERE kind NOT IN ('teacher', 'grade')) m
    GROUP BY kind, member, school_code),
meetings AS MATERIALIZED (
    SELECT monday_of(r.on_day) AS monday, research_key('school', r) AS school_code,
           r.session_id, r.seconds, r.teacher_id, r.receiving, r.attended
    FROM research_known(:as_of, :since, :until) r),
researchers AS MATERIALIZED (
    SELECT DISTINCT monday, teacher_id, school_code FROM meetings WHERE attended),
of_schools AS MATERIALIZED (
    SELECT DISTINCT teacher_id, school_code FROM researchers WHERE school_code IS NOT NULL),
pushed AS MATERIALIZED (
    SELECT day_key('week', sent_on) AS monday, school_code, push_id,
           fetched_known <= :as_of AS fetched, opened_known <= :as_of AS opened,
           watched_known <= :as_of AS watched
    FROM push_facts_as_of(:as_of) WHERE sent_on BETWEEN :since AND :until),
counting AS MATERIALIZED (SELECT room_id FROM rooms_as_of(:as_of) WHERE counts_from <= :day),
added AS (
    SELECT told, key,
           sum(due) AS due, sum(delivered) AS delivered, sum(led) AS led,
           sum(evaluated) AS evaluated, sum(pupil_times) AS pupil_times,
           sum(expected) AS expected, sum(present) AS present, sum(interactive) AS interactive,
           sum(responded) AS responded, sum(started) AS started,
           sum(interrupted) AS interrupted, sum(measured) AS measured,
           sum(within_limits) AS within_limits
    FROM (SELECT 'city' AS told, '' AS key, c.* FROM sums c WHERE school_code = ''
          UNION ALL SELECT 'week', CAST(monday AS text), w.* FROM sums w WHERE school_code = ''
          UNION ALL SELECT 'school', school_code, s.* FROM sums s WHERE school_code <> '') k
    GROUP BY told, key),
reached AS (
    SELECT 'city' AS told, '' AS key, count(DISTINCT school_code) AS schools_reached
    FROM sums WHERE school_code <> '' AND delivered > 0
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(*)
    FROM sums WHERE school_code <> '' AND delivered > 0 GROUP BY monday
    UNION ALL
    SELECT 'school', school_code, 1
    FROM sums WHERE school_code <> '' AND delivered > 0 GROUP BY school_code),
owed AS (
    SELECT CASE WHEN grouping(school_code) = 0 THEN 'school' WHEN grouping(monday) = 0 THEN 'week'
           ELSE 'city' END AS told,
           coalesce(school_code, CAST(monday AS text), '') AS key,
           sum(required) AS makeups_required, sum(in_time) AS makeups_in_time
    FROM makeups GROUP BY GROUPING SETS ((school_code), (monday), ())),
sized AS (
    SELECT 'city' AS told, '' AS key, sum(most) FILTER (WHERE kind = 'class') AS pupils
    FROM members
    UNION ALL
    SELECT 'school', school_code, sum(most) FROM members WHERE kind = 'class' GROUP BY school_code
    UNION ALL
    SELECT 'week', CAST(monday AS text), pupils FROM rollup_sets
    WHERE monday = ANY(CAST(:whole AS date[]))
    UNION ALL
    SELECT 'week', CAST(monday AS text), sum(most) FROM late WHERE kind = 'class' GROUP BY monday),
in_spans AS (
    SELECT 'rooms' AS what, span, weeks, count(*) AS members
    FROM (SELECT span, bit_or(weeks) AS weeks
          FROM reach m JOIN counting c ON c.room_id = m.member
          WHERE kind = 'room' OR (kind = 'lead_room' AND :lead_rooms)
          GROUP BY span, member) r
    GROUP BY span, weeks
    UNION ALL
    SELECT 'grades', span, weeks, count(*) FROM grade_reach GROUP BY span, weeks),
in_blocks AS (
    SELECT what, b.block, (weeks >> ((b.block - span) / 7)) & 255 AS weeks, sum(members) AS members
    FROM in_spans JOIN unnest(CAST(:blocks AS date[])) AS b (block) ON span_of(b.block) = span
    GROUP BY 1, 2, 3),
in_weeks AS (
    SELECT what, CAST(block + 7 * (CAST(n AS integer) - 1) AS text) AS key, members
    FROM (SELECT what, block, ARRAY[sum(members) FILTER (WHERE weeks & 1 <> 0),
                                    sum(members) FILTER (WHERE weeks & 2 <> 0),
                                    sum(members) FILTER (WHERE weeks & 4 <> 0),
                                    sum(members) FILTER (WHERE weeks & 8 <> 0),
                                    sum(members) FILTER (WHERE weeks & 16 <> 0),
                                    sum(members) FILTER (WHERE weeks & 32 <> 0),
                                    sum(members) FILTER (WHERE weeks & 64 <> 0),
                                    sum(members) FILTER (WHERE weeks & 128 <> 0)] AS each
          FROM in_blocks GROUP BY what, block) b,
        unnest(each) WITH ORDINALITY AS w (members, n)
    WHERE members > 0),
rooms AS (
    SELECT told, key, count(DISTINCT member) AS rooms_used
    FROM (SELECT 'city' AS told, '' AS key, kind, member FROM members
          UNION ALL SELECT 'school', school_code, kind, member FROM members WHERE kind = 'room'
          UNION ALL SELECT 'week', CAST(monday AS text), kind, member FROM late) u
    JOIN counting c ON c.room_id = u.member
    WHERE kind = 'room' OR (kind = 'lead_room' AND :lead_rooms)
    GROUP BY told, key
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(DISTINCT member)
    FROM rollup_members m JOIN counting c ON c.room_id = m.member
    WHERE monday = ANY(CAST(:single AS date[]))
      AND (kind = 'room' OR (kind = 'lead_room' AND :lead_rooms))
    GROUP BY monday
    UNION ALL
    SELECT 'week', key, members FROM in_weeks WHERE what = 'rooms'),
grades AS (
    SELECT CASE grouping(school_code) WHEN 0 THEN 'school' ELSE 'city' END AS told,
           coalesce(school_code, '') AS key, count(*) AS subject_grades
    FROM (SELECT school_code, member FROM grade_reach
          UNION
          SELECT school_code, member FROM rollup_members JOIN declared USING (school_code, member)
          WHERE monday = ANY(CAST(:single AS date[])) AND kind = 'grade'
          UNION
          SELECT school_code, member FROM late JOIN declared USING (school_code, member)
          WHERE kind = 'grade') g
    GROUP BY GROUPING SETS ((school_code), ())
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(*)
    FROM (SELECT monday, school_code, member FROM rollup_members
          WHERE monday = ANY(CAST(:single AS date[])) AND kind = 'grade'
          UNION ALL SELECT monday, school_code, member FROM late WHERE kind = 'grade') w
    JOIN declared USING (school_code, member)
    GROUP BY monday
    UNION ALL
    SELECT 'week', key, members FROM in_weeks WHERE what = 'grades'),
taught AS (                                      -- researchers who also taught in that week
    SELECT q.monday, q.teacher_id
    FROM researchers q
    JOIN rollup_reach m ON m.member = q.teacher_id AND m.span = span_of(q.monday)
    JOIN spans s ON s.span = m.span
    WHERE m.kind = 'teacher' AND m.weeks & s.wanted & (CAST(1 AS bigint) << ((q.monday - m.span) / 7)) <> 0
    UNION
    SELECT q.monday, q.teacher_id
    FROM researchers q JOIN rollup_members m
        ON m.monday = q.monday AND m.kind = 'teacher' AND m.school_code = ''
            AND m.member = q.teacher_id
    WHERE m.monday = ANY(CAST(:single AS date[]))
    UNION
    SELECT q.monday, q.teacher_id
    FROM researchers q JOIN late m ON m.monday = q.monday AND m.member = q.teacher_id
    WHERE m.kind = 'teacher'),
people AS (
    SELECT told, key,
           count(DISTINCT member) FILTER (WHERE kind = 'lead') AS leads,
           count(DISTINCT member) FILTER (WHERE kind = 'assistant') AS assistants,
           count(DISTINCT member) FILTER (WHERE kind = 'researcher') AS researchers,
           count(DISTINCT member) AS teachers
    FROM (SELECT 'city' AS told, '' AS key, kind, member FROM members
          WHERE kind IN ('lead', 'assistant')
          UNION ALL
          SELECT 'school', school_code, kind, member FROM members
          WHERE kind IN ('lead', 'assistant')
          UNION ALL SELECT DISTINCT 'city', '', 'researcher', teacher_id FROM researchers
          UNION ALL SELECT 'school', school_code, 'researcher', teacher_id FROM of_schools) p
    GROUP BY told, key
    UNION ALL
    SELECT 'week', CAST(monday AS text), coalesce(t.leads, 0), coalesce(t.assistants, 0),
           coalesce(r.researchers, 0), coalesce(t.teachers, 0) + coalesce(r.others, 0)
    FROM (SELECT monday, leads, assistants, teachers FROM rollup_sets
          WHERE monday = ANY(CAST(:whole AS date[]))
          UNION ALL
          SELECT monday, count(DISTINCT member) FILTER (WHERE kind = 'lead'),
                 count(DISTINCT member) FILTER (WHERE kind = 'assistant'),
                 count(*) FILTER (WHERE kind = 'teacher')
          FROM late GROUP BY monday) t
    FULL JOIN (
          SELECT monday, count(*) AS researchers,
                 count(*) FILTER (WHERE t.teacher_id IS NULL) AS others
          FROM (SELECT DISTINCT monday, teacher_id FROM researchers) q
              LEFT JOIN taught t USING (monday, teacher_id)
          GROUP BY monday) r USING (monday)),
met AS (
    SELECT CASE grouping(monday) WHEN 0 THEN 'week' ELSE 'city' END AS told,
           coalesce(CAST(monday AS text), '') AS key, count(*) AS activities,
           sum(seconds) AS research_seconds
    FROM (SELECT DISTINCT session_id, monday, seconds FROM meetings) m
    GROUP BY GROUPING SETS ((monday), ())
    UNION ALL
    SELECT 'school', school_code, count(*), sum(seconds)
    FROM (SELECT DISTINCT session_id, school_code, seconds FROM meetings
          WHERE school_code IS NOT NULL) m
    GROUP BY school_code),
attended AS (
    SELECT CASE grouping(monday) WHEN 0 THEN 'week' ELSE 'city' END AS told,
           coalesce(CAST(monday AS text), '') AS key, count(*) AS attendances
    FROM meetings WHERE attended GROUP BY GROUPING SETS ((monday), ())
    UNION ALL
    SELECT 'school', school_code, count(*) FROM meetings
    WHERE attended AND school_code IS NOT NULL GROUP BY school_code),
came AS (
    SELECT 'city' AS told, '' AS key, count(DISTINCT teacher_id) AS receiving_researchers
    FROM of_schools
    UNION ALL SELECT 'school', school_code, count(*) FROM of_schools GROUP BY school_code
    UNION ALL
    SELECT 'week', CAST(monday AS text), count(*)
    FROM (SELECT DISTINCT monday, teacher_id FROM researchers WHERE school_code IS NOT NULL) w
    GROUP BY monday),
sent AS (
    SELECT k.told, k.key, count(DISTINCT push_id) AS packages, count(*) AS pushed,
           count(*) FILTER (WHERE fetched) AS fetched, count(*) FILTER (WHERE opened) AS opened,
           count(*) FILTER (WHERE watched) AS watched
    FROM pushed, LATERAL (VALUES ('city', ''), ('week', monday),
                                 ('school', school_code)) AS k (told, key)
    WHERE k.key IS NOT NULL GROUP BY k.told, k.key)
SELECT *
FROM added FULL JOIN reached USING (told, key) FULL JOIN owed USING (told, key)
    FULL JOIN sized USING (told, key) FULL JOIN rooms USING (told, key)
    FULL JOIN grades USING (told, key) FULL JOIN people USING (told, key)
    FULL JOIN met USING (told, key) FULL JOIN attended USING (told, key)
    FULL JOIN came USING (told, key)
    FULL JOIN sent USING (told, key)
ORDER BY told, key;

-- name: rolled_normal_use
-- School-weeks with at least `links` valid links among the weeks that are `counted`, and schools with
-- as many such weeks as make a school regular, told apart as above: weeks of `whole` from the
-- roll-ups, of `rest` from their links.
WITH used AS (
    SELECT school_code, monday FROM rollup_sums
    WHERE monday = ANY(CAST(:whole AS date[])) AND monday = ANY(CAST(:counted AS date[]))
      AND school_code <> '' AND delivered >= :links
    UNION ALL
    SELECT l.school_code, w.monday
    FROM unnest(CAST(:rest AS date[])) AS w (monday),
         LATERAL links_known(:as_of, w.monday, w.monday + 6) l
    WHERE w.monday = ANY(CAST(:counted AS date[])) AND l.due AND l.valid
    GROUP BY l.school_code, w.monday HAVING count(*) >= :links),
by_school AS (
    SELECT school_code, count(*) AS used,
           CAST(count(*) >= CAST(:share AS double precision) * cardinality(CAST(:counted AS date[])) AS integer) AS regular
    FROM used GROUP BY school_code)
SELECT 'city' AS told, '' AS key, sum(used) AS school_weeks, sum(regular) AS regular_schools
FROM by_school
UNION ALL
SELECT 'week', CAST(monday AS text), count(*), count(*) FILTER (WHERE 1 >= CAST(:share AS double precision))
FROM used GROUP BY monday
UNION ALL
SELECT 'school', school_code, used, regular FROM by_school;

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
    FROM research_known(:as_of, :since, :until) r
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
    SELECT research_key(:by, r) AS key, r.* FROM research_known(:as_of, :since, :until) r
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
           push_id, fetched_known AS fetched, opened_known AS opened, watched_known AS watched
    FROM push_facts_as_of(:as_of) WHERE sent_on BETWEEN :since AND :until)
SELECT key, count(DISTINCT push_id) AS packages, count(*) AS pushed,
       count(*) FILTER (WHERE fetched <= :as_of) AS fetched,
       count(*) FILTER (WHERE opened <= :as_of) AS opened,
       count(*) FILTER (WHERE watched <= :as_of) AS watched
FROM p WHERE key IS NOT NULL AND cut = :key GROUP BY key ORDER BY key;

-- name: registered_rooms
SELECT r.id, r.school_code, s.role = 'hub' AS hub, r.phase, c.counts_from
FROM rooms_as_of(:as_of) c JOIN rooms r ON r.id = c.room_id JOIN schools s ON s.code = r.school_code
ORDER BY r.id;

-- name: receiving_schools
-- What the register said of receiving schools, from and until (not with) which day.
SELECT * FROM (
    SELECT code, role, hub_code, retired_on, holds_from,
           min(holds_from) OVER (PARTITION BY code ORDER BY version
                                 ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS holds_until
    FROM school_versions WHERE known_at <= :as_of) v
WHERE role = 'receiving' ORDER BY code, holds_from;

-- name: school_people
-- Enrolment and teachers of schools by the days for which registers said so, in their order.
SELECT school_code, retired_on, holds_from, holds_until, sum(enrolment) AS enrolment,
       sum(teachers) AS teachers
FROM (
    SELECT school_code, retired_on, holds_from, enrolment, 0 AS teachers,
           min(holds_from) OVER (PARTITION BY id ORDER BY version
                                 ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS holds_until
    FROM class_versions WHERE known_at <= :as_of
    UNION ALL
    SELECT school_code, retired_on, holds_from, 0, 1,
           min(holds_from) OVER (PARTITION BY id ORDER BY version
                                 ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    FROM teacher_versions WHERE known_at <= :as_of) v
GROUP BY school_code, retired_on, holds_from, holds_until
ORDER BY school_code, holds_from, holds_until, retired_on;

-- name: teachers_of_period
-- Teachers who were in the register at the end of a period, and had not left before it.
SELECT id, school_code FROM teachers_on(:until, :as_of)
WHERE holds_from <= :until AND (retired_on IS NULL OR retired_on > :since) ORDER BY id;

-- name: needs
SELECT DISTINCT school_code, subject, grade FROM declared_needs
WHERE declared_on <= :day AND (withdrawn_on IS NULL OR withdrawn_on > :day)
ORDER BY school_code, subject, grade;
