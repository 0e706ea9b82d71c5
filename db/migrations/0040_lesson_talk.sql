-- What is said and asked in a lesson beside its sound: chat, the worksheet, polls 答题; and the end of
-- a call for help.

ALTER TABLE interactions DROP CONSTRAINT interactions_kind_check;
ALTER TABLE interactions ADD CONSTRAINT interactions_kind_check CHECK (kind IN
    ('hand_raised', 'hand_lowered', 'floor_given', 'floor_taken', 'help', 'help_ended'));

CREATE TABLE lesson_messages (                   -- append-only
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    participant_id  uuid NOT NULL REFERENCES participants,
    kind            text NOT NULL CHECK (kind IN ('said', 'worksheet')),
    body            text NOT NULL CHECK (char_length(body) <= 500),   -- worksheet: its address; '' takes it away
    at              timestamptz NOT NULL DEFAULT now(),
    CHECK (kind = 'worksheet' OR body <> '')
);
CREATE INDEX lesson_messages_by_session ON lesson_messages (session_id, id);

CREATE TABLE polls (
    id              uuid PRIMARY KEY,
    session_id      uuid NOT NULL REFERENCES sessions,
    question        text NOT NULL CHECK (char_length(question) <= 200),
    options         smallint NOT NULL CHECK (options BETWEEN 2 AND 6),
    state           text NOT NULL CHECK (state IN ('open', 'closed', 'away')),
    opened_at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_poll_at_a_time ON polls (session_id) WHERE state <> 'away';
CREATE INDEX polls_by_session ON polls (session_id);

CREATE TABLE poll_answers (                      -- append-only: a class's newest counts
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    poll_id         uuid NOT NULL REFERENCES polls,
    participant_id  uuid NOT NULL REFERENCES participants,
    heads           integer[] NOT NULL,          -- hands up, per option
    at              timestamptz NOT NULL DEFAULT now(),
    CHECK (cardinality(heads) BETWEEN 2 AND 6 AND 0 <= ALL (heads))
);
CREATE INDEX poll_answers_by_poll ON poll_answers (poll_id, participant_id, id);

GRANT SELECT, INSERT ON lesson_messages, poll_answers TO classroom_sync_app;
GRANT SELECT, INSERT, UPDATE ON polls TO classroom_sync_app;
