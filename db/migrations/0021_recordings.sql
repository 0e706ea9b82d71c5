-- Recordings: what was recorded of a session, or uploaded, and the files it is made of.
-- A recording ends as ready, failed with a cause, or deleted by retention, never as nothing.

CREATE TABLE recording_transitions (
    from_state      text NOT NULL,
    to_state        text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO recording_transitions VALUES
    ('recording', 'joining'), ('recording', 'failed'),
    ('joining', 'ready'), ('joining', 'failed'),
    ('uploading', 'ready'), ('uploading', 'failed'),
    ('failed', 'joining'),                       -- tried once more
    ('ready', 'deleted'), ('failed', 'deleted');

CREATE TABLE recordings (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid REFERENCES sessions,    -- null: an upload
    title           text NOT NULL DEFAULT '',
    made_by         text NOT NULL,               -- as audit.actor: account:… | device:… | system
    state           text NOT NULL
                    CHECK (state IN ('recording', 'joining', 'uploading', 'ready', 'failed', 'deleted')),
    cause           text CHECK (cause <> ''),    -- why it failed, or ended early
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    duration_ms     bigint CHECK (duration_ms >= 0),
    bytes           bigint CHECK (bytes >= 0),   -- of all its files
    mime            text,
    storage_key     text,                        -- the main picture and sound
    poster_key      text,
    waveform        smallint[] NOT NULL DEFAULT '{}',  -- loudness of equal spans, 0 to 100
    published       boolean NOT NULL DEFAULT false,
    delete_after    timestamptz,                 -- retention; null: until somebody deletes it
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'failed' OR cause IS NOT NULL),
    CHECK (state <> 'ready' OR num_nulls(duration_ms, bytes, mime, storage_key) = 0),
    CHECK (state <> 'deleted' OR num_nonnulls(storage_key, poster_key) = 0),
    CHECK (state IN ('recording', 'uploading') OR ended_at IS NOT NULL)
);
CREATE INDEX recordings_by_session ON recordings (session_id);
CREATE INDEX recordings_unfinished ON recordings (state)
    WHERE state IN ('recording', 'joining', 'uploading');
CREATE UNIQUE INDEX one_recording_at_a_time ON recordings (session_id) WHERE state = 'recording';

-- A file that one node wrote without a break. Its id is chosen by the node and is in the file's
-- name, so that what is told twice counts once.
CREATE TABLE recording_segments (
    id              uuid PRIMARY KEY,
    recording_id    uuid NOT NULL REFERENCES recordings,
    node_id         uuid NOT NULL,
    track           text NOT NULL CHECK (track IN ('main', 'screen')),
    started_at      timestamptz NOT NULL,        -- of its timestamp 0, by the node's clock
    state           text NOT NULL CHECK (state IN ('writing', 'stored', 'lost', 'joined')),
    bytes           bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    storage_key     text,
    CHECK (state <> 'stored' OR storage_key IS NOT NULL)
);
CREATE INDEX recording_segments_by_recording ON recording_segments (recording_id, track, started_at);

-- The finished files: one of each track where the segments could be joined, else several.
CREATE TABLE recording_parts (
    recording_id    uuid NOT NULL REFERENCES recordings,
    track           text NOT NULL CHECK (track IN ('main', 'screen')),
    number          smallint NOT NULL CHECK (number > 0),
    starts_ms       bigint NOT NULL CHECK (starts_ms >= 0),   -- on the recording's clock
    duration_ms     bigint NOT NULL CHECK (duration_ms >= 0),
    bytes           bigint NOT NULL CHECK (bytes >= 0),
    mime            text NOT NULL,
    storage_key     text NOT NULL,
    PRIMARY KEY (recording_id, track, number)
);

CREATE TABLE recording_chapters (                -- places to jump to, each with a small picture
    recording_id    uuid NOT NULL REFERENCES recordings,
    at_ms           bigint NOT NULL CHECK (at_ms >= 0),
    storage_key     text NOT NULL,
    PRIMARY KEY (recording_id, at_ms)
);

CREATE FUNCTION recordings_move_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT EXISTS (
        SELECT FROM recording_transitions WHERE from_state = OLD.state AND to_state = NEW.state)
    THEN
        RAISE EXCEPTION 'a recording cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recordings_move_along';
    END IF;
    NEW.changed_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER move_along BEFORE UPDATE ON recordings
    FOR EACH ROW EXECUTE FUNCTION recordings_move_along();

CREATE FUNCTION recordings_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state NOT IN ('recording', 'uploading') THEN
        RAISE EXCEPTION 'a recording cannot begin as %', NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recordings_begin';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins BEFORE INSERT ON recordings
    FOR EACH ROW EXECUTE FUNCTION recordings_begin();

GRANT SELECT, INSERT, UPDATE ON recordings, recording_segments TO classroom_sync_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON recording_parts, recording_chapters TO classroom_sync_app;
GRANT SELECT ON recording_transitions TO classroom_sync_app;
