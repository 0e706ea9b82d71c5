-- Calendar feeds: what subscribers have been told of each event, and who may read which feed.

CREATE TABLE feed_events (                       -- RFC 5545: the UID stays, SEQUENCE rises
    uid             uuid PRIMARY KEY,
    lesson_id       uuid,                        -- no reference: an event outlives its lesson
    session_id      uuid,
    kind            text NOT NULL CHECK (kind IN ('live_lesson', 'research')),
    on_day          date NOT NULL,
    subject         text REFERENCES subjects,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    lead_teacher_id text,
    lead_room_id    text,
    receivers       jsonb NOT NULL DEFAULT '[]',  -- [room, class, assistant or null]
    cancelled       boolean NOT NULL,
    sequence        integer NOT NULL CHECK (sequence >= 0),
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    who             text[] NOT NULL,              -- whose feeds it is in, and was: "teacher:…",
                                                  -- "room:…", "class:…", "school:…"
    CHECK (starts_at < ends_at)
);
CREATE INDEX feed_events_by_who ON feed_events USING gin (who);
CREATE INDEX feed_events_by_time ON feed_events (starts_at);

CREATE TABLE feed_register (                     -- one row: when the events were last gone through
    single          boolean PRIMARY KEY DEFAULT true CHECK (single),
    refreshed_at    timestamptz,
    state           text                         -- of all that the events follow from, as a hash
);
INSERT INTO feed_register DEFAULT VALUES;

CREATE TABLE feed_tokens (                       -- an address that reads one feed, until revoked
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    token_hash      bytea NOT NULL UNIQUE,       -- SHA-256
    scope           text NOT NULL CHECK (scope IN ('teacher', 'room', 'class', 'school')),
    subject_id      text NOT NULL,               -- whose feed: the id in that register
    locale          text NOT NULL CHECK (locale IN ('zh-CN', 'en')),
    made_by         uuid NOT NULL REFERENCES accounts,
    made_at         timestamptz NOT NULL,
    used_at         timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX feed_tokens_by_maker ON feed_tokens (made_by);

GRANT SELECT, INSERT, UPDATE ON feed_events, feed_tokens TO classroom_sync_app;
GRANT SELECT, UPDATE ON feed_register TO classroom_sync_app;
