-- Lessons of a range of weeks; and calendar days that remember who said so, so that the official
-- ones can be read anew without losing what the administrator decided.

ALTER TABLE lessons
    ADD COLUMN week_from smallint CHECK (week_from > 0),              -- null: the term's first week
    ADD COLUMN week_until smallint CHECK (week_until > 0),            -- null: its last
    ADD CHECK (week_from <= week_until);

ALTER TABLE calendar_days
    ADD COLUMN source text NOT NULL DEFAULT 'admin' CHECK (source IN ('admin', 'official')),
    DROP CONSTRAINT calendar_days_pkey,
    ADD PRIMARY KEY (term_id, day, source);
COMMENT ON COLUMN calendar_days.acts_as IS
    'a make-up workday runs that date''s timetable; a day that acts as itself is an ordinary one';
