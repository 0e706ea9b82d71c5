-- name: add_term!
INSERT INTO terms (id, name, zone, week1_monday, starts_on, ends_on)
VALUES (:id, :name, :zone, :week1_monday, :starts_on, :ends_on);

-- name: set_day!
-- A day that departs from "weekdays are school days"; setting it again replaces it. What the
-- administrator sets (source 'admin') holds over what is official.
INSERT INTO calendar_days (term_id, day, kind, acts_as, note, source)
VALUES (:term_id, :day, CASE WHEN :acts_as::date IS NULL THEN 'holiday' ELSE 'makeup' END,
        :acts_as, :note, :source)
ON CONFLICT (term_id, day, source) DO UPDATE
SET kind = excluded.kind, acts_as = excluded.acts_as, note = excluded.note;

-- name: reset_day$
-- Forget what the administrator said of a day: the official calendar holds again.
DELETE FROM calendar_days
WHERE term_id = :term_id AND day = :day AND source = 'admin' RETURNING true;

-- name: clear_official_days!
DELETE FROM calendar_days WHERE term_id = :term_id AND source = 'official';

-- name: add_bell_period!
INSERT INTO bell_periods (school_code, valid_from, period, starts, ends, by_hand)
VALUES (:school_code, :valid_from, :period, :starts, :ends, :by_hand);

-- name: term_on^
SELECT id, name, zone, week1_monday, starts_on, ends_on
FROM terms WHERE :day BETWEEN starts_on AND ends_on;

-- name: latest_term^
-- The first term that is not over at an instant (null: now), so that entering the next one changes
-- nothing yet; where all are over, the last.
SELECT id, name, zone, week1_monday, starts_on, ends_on
FROM terms
ORDER BY ends_on < CAST(coalesce(:at, now()) AT TIME ZONE zone AS date),
         abs(ends_on - CAST(coalesce(:at, now()) AT TIME ZONE zone AS date))
LIMIT 1;

-- name: days_of_term
SELECT day, acts_as, note, source FROM calendar_days WHERE term_id = :term_id ORDER BY day;

-- name: remove_bells!
DELETE FROM bell_periods WHERE school_code = :school_code AND valid_from = :valid_from;

-- name: terms
SELECT id, name, zone, week1_monday, starts_on, ends_on FROM terms ORDER BY starts_on;

-- name: term^
SELECT id, name, zone, week1_monday, starts_on, ends_on FROM terms WHERE id = :id;

-- name: bell_periods
SELECT school_code, valid_from, period, starts, ends, by_hand
FROM bell_periods ORDER BY school_code, valid_from, period;

-- name: forget_planned_on!
-- Sessions that the timetable planned on some days and that are still scheduled: the calendar of
-- those days has changed, and what holds by it now is planned anew.
WITH gone AS (
    SELECT id FROM sessions
    WHERE on_day = ANY(CAST(:days AS date[])) AND lesson_id IS NOT NULL AND state = 'scheduled'),
dropped AS (DELETE FROM participants WHERE session_id IN (SELECT id FROM gone))
DELETE FROM sessions WHERE id IN (SELECT id FROM gone);

-- name: forget_planned_by_bells!
-- The same from a day on for the sessions in which a school takes part: its bells have changed.
WITH gone AS (
    SELECT s.id FROM sessions s
    WHERE s.on_day >= :since AND s.lesson_id IS NOT NULL AND s.state = 'scheduled'
      AND EXISTS (SELECT FROM participants p JOIN rooms r ON r.id = p.room_id
                  WHERE p.session_id = s.id AND r.school_code = :school_code)),
dropped AS (DELETE FROM participants WHERE session_id IN (SELECT id FROM gone))
DELETE FROM sessions WHERE id IN (SELECT id FROM gone);

-- name: change_term$
UPDATE terms
SET name = :name, week1_monday = :week1_monday, starts_on = :starts_on, ends_on = :ends_on
WHERE id = :id RETURNING true;

-- name: exam_weeks
SELECT week FROM exam_weeks WHERE term_id = :term_id ORDER BY week;

-- name: add_exam_week!
INSERT INTO exam_weeks (term_id, week) VALUES (:term_id, :week) ON CONFLICT DO NOTHING;

-- name: remove_exam_week!
DELETE FROM exam_weeks WHERE term_id = :term_id AND week = :week;
