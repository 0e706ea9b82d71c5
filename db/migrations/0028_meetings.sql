-- Teaching-research meetings 在线帮扶教研: who is called, the agenda and its turns, the shared lesson
-- plan with every version of it, notes and decisions.

-- A teacher in a meeting is its chair (role lead) or one of those who were called (role member); both
-- are taken for its time, as reservations follow every role but observer.
ALTER TABLE participants DROP CONSTRAINT participants_role_check;
ALTER TABLE participants ADD CONSTRAINT participants_role_check
    CHECK (role IN ('lead', 'receiving', 'observer', 'member'));
ALTER TABLE participants ADD CONSTRAINT members_are_teachers
    CHECK (role <> 'member' OR (teacher_id IS NOT NULL AND room_id IS NULL AND class_id IS NULL));
CREATE UNIQUE INDEX a_teacher_once_a_meeting ON participants (session_id, teacher_id)
    WHERE role = 'member';

CREATE TABLE lesson_plans (                      -- 教案
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    title           text NOT NULL CHECK (title <> ''),
    subject         text REFERENCES subjects,
    for_session_id  uuid REFERENCES sessions,    -- the dated lesson it is for, if one is chosen
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL
);
CREATE INDEX lesson_plans_by_lesson ON lesson_plans (for_session_id)
    WHERE for_session_id IS NOT NULL;

CREATE TABLE lesson_plan_versions (              -- every save; append-only
    plan_id         uuid NOT NULL REFERENCES lesson_plans,
    number          integer NOT NULL CHECK (number > 0),
    text            text NOT NULL CHECK (length(text) <= 100000),
    saved_by        text NOT NULL,
    author          text NOT NULL,               -- as people know them
    saved_at        timestamptz NOT NULL,
    restores        integer,                     -- the earlier version that it brings back
    PRIMARY KEY (plan_id, number),
    FOREIGN KEY (plan_id, restores) REFERENCES lesson_plan_versions (plan_id, number)
);

CREATE TABLE meetings (                          -- what a session of kind research is about
    session_id      uuid PRIMARY KEY REFERENCES sessions,
    title           text NOT NULL CHECK (title <> ''),
    grade           smallint CHECK (grade BETWEEN 1 AND 9),
    plan_id         uuid NOT NULL REFERENCES lesson_plans,
    called_by       text NOT NULL
);
CREATE INDEX meetings_by_plan ON meetings (plan_id);

CREATE TABLE agenda_items (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES meetings,
    position        smallint NOT NULL CHECK (position > 0),
    title           text NOT NULL CHECK (title <> ''),
    minutes         smallint CHECK (minutes > 0),  -- planned
    UNIQUE (session_id, position) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE agenda_turns (                      -- from when on which item was under discussion
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES meetings,
    item_id         uuid REFERENCES agenda_items,  -- null: none
    at              timestamptz NOT NULL,
    by              text NOT NULL
);
CREATE INDEX agenda_turns_by_session ON agenda_turns (session_id, at);

CREATE TABLE meeting_notes (                     -- notes and decisions; append-only
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES meetings,
    kind            text NOT NULL CHECK (kind IN ('note', 'decision')),
    text            text NOT NULL CHECK (text <> '' AND length(text) <= 2000),
    item_id         uuid REFERENCES agenda_items,
    author          text NOT NULL,
    written_by      text NOT NULL,
    written_at      timestamptz NOT NULL
);
CREATE INDEX meeting_notes_by_session ON meeting_notes (session_id, written_at);

GRANT SELECT, INSERT, UPDATE ON lesson_plans, meetings TO classroom_sync_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON agenda_items TO classroom_sync_app;
GRANT SELECT, INSERT ON lesson_plan_versions, agenda_turns, meeting_notes TO classroom_sync_app;

-- What a calendar says of a meeting: its title, and the teachers who were called beside the chair.
ALTER TABLE feed_events ADD COLUMN title text NOT NULL DEFAULT '',
    ADD COLUMN members text[] NOT NULL DEFAULT '{}';
