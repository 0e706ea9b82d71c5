-- How a meeting is called has versions, so that of two who change it at once the second is told what
-- the first did. Each change makes the next one; agenda turns, notes and the plan have their own.
ALTER TABLE meetings ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0);

-- Meetings are in the calendars of the schools whose teachers were called, also those called before.
UPDATE feed_events e SET who = ARRAY(
    SELECT DISTINCT unnest(e.who || ARRAY(
        SELECT 'school:' || t.school_code FROM teachers t
        WHERE t.id = e.lead_teacher_id OR t.id = ANY(e.members)))
    ORDER BY 1)
WHERE e.kind = 'research';
