-- Rooms that are dark while their lesson should be live, what is told to others by webhook, and the
-- digest of each day.

CREATE TABLE alerts (                            -- one a lesson and room; it may come back and go again
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    participant_id  uuid NOT NULL REFERENCES participants,
    room_id         text NOT NULL REFERENCES rooms,
    dark_since      timestamptz NOT NULL,
    opened_at       timestamptz NOT NULL,
    closed_at       timestamptz,
    closed_why      text CHECK (closed_why IN ('back', 'ended')),
    times           integer NOT NULL DEFAULT 1,  -- how often it has been opened
    UNIQUE (session_id, room_id),
    CHECK ((closed_at IS NULL) = (closed_why IS NULL))
);
CREATE INDEX alerts_open ON alerts (opened_at) WHERE closed_at IS NULL;
CREATE INDEX alerts_by_time ON alerts (opened_at);

CREATE TABLE webhook_messages (                  -- written with what they tell of, sent afterwards
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    kind            text NOT NULL CHECK (kind IN ('room.dark', 'room.back', 'digest')),
    body            text NOT NULL,               -- JSON, as it is signed and sent
    made_at         timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_at         timestamptz,                 -- null: delivered, or given up
    delivered_at    timestamptz,
    problem         text NOT NULL DEFAULT '',    -- of the last attempt
    CHECK (delivered_at IS NULL OR next_at IS NULL)
);
CREATE INDEX webhook_messages_due ON webhook_messages (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE digests (                           -- once a day and zone, whoever's clock comes first
    zone            text NOT NULL,
    day             date NOT NULL,
    made_at         timestamptz NOT NULL,
    content         jsonb NOT NULL,
    PRIMARY KEY (zone, day)
);

GRANT SELECT, INSERT, UPDATE ON alerts, webhook_messages TO classroom_sync_app;
GRANT SELECT, INSERT ON digests TO classroom_sync_app;
