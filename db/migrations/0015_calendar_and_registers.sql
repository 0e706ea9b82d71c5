-- What the calendar's pages keep: the weeks of a term in which exams are held, and a school's own
-- claim on a teacher or class said once for each period.

CREATE TABLE exam_weeks (                        -- no teaching weeks where use is counted (DOMAIN, 9)
    term_id         text NOT NULL REFERENCES terms,
    week            smallint NOT NULL CHECK (week > 0),
    PRIMARY KEY (term_id, week)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON exam_weeks TO classroom_sync_app;

DELETE FROM busy_times b USING busy_times earlier
WHERE (b.term_id, b.weekday, b.period) = (earlier.term_id, earlier.weekday, earlier.period)
  AND b.teacher_id IS NOT DISTINCT FROM earlier.teacher_id
  AND b.class_id IS NOT DISTINCT FROM earlier.class_id
  AND b.id > earlier.id;
ALTER TABLE busy_times
    ADD CONSTRAINT kept_once UNIQUE NULLS NOT DISTINCT (term_id, teacher_id, class_id, weekday, period);

-- Who has left stays in the registers, for the lessons that were held, but takes part in nothing new.

ALTER TABLE schools ADD COLUMN retired_on date;                       -- null: in use
ALTER TABLE teachers ADD COLUMN retired_on date;
ALTER TABLE class_groups ADD COLUMN retired_on date;
