-- The life of a room 规划 → 建成 → 验收 → 停用, and its acceptance test. A room is accepted by a test
-- that it passed or by an administrator's reason; who did what, when and why is kept for ever.

ALTER TABLE rooms
    ADD COLUMN planned_on date,
    ADD COLUMN retired_on date,
    ADD COLUMN funding text NOT NULL DEFAULT '';                      -- where the money comes from

CREATE TABLE room_transitions (                  -- the life of a room is a table
    from_status     text NOT NULL,
    to_status       text NOT NULL,
    PRIMARY KEY (from_status, to_status)
);
INSERT INTO room_transitions VALUES
    ('planned', 'installed'), ('planned', 'retired'),
    ('installed', 'accepted'), ('installed', 'retired'),
    ('accepted', 'retired');

-- ── The acceptance test (append-only) ───────────────────────────────────────────────────

CREATE TABLE acceptance_tests (                  -- a test that was asked for; its id is on paper
    id              uuid PRIMARY KEY,
    room_id         text NOT NULL REFERENCES rooms,
    asked_by        text NOT NULL,
    asked_at        timestamptz NOT NULL,
    node_id         uuid                         -- the media node it goes through
);
CREATE INDEX acceptance_tests_by_room ON acceptance_tests (room_id, asked_at);

CREATE TABLE acceptance_begun (                  -- the room's screen took it up
    test_id         uuid PRIMARY KEY REFERENCES acceptance_tests,
    begun_at        timestamptz NOT NULL,
    begun_by        text NOT NULL
);

CREATE TABLE acceptance_transfers (              -- bulk data as the server counted it
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    test_id         uuid NOT NULL REFERENCES acceptance_tests,
    direction       text NOT NULL CHECK (direction IN ('up', 'down')),
    bytes           bigint NOT NULL CHECK (bytes >= 0),
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    CHECK (from_at <= to_at)
);
CREATE INDEX acceptance_transfers_by_test ON acceptance_transfers (test_id);

CREATE TABLE acceptance_evidence (               -- what the media node saw; never in a lesson's
    node_id         uuid NOT NULL,
    seq             bigint NOT NULL,
    test_id         uuid NOT NULL REFERENCES acceptance_tests,
    participant_id  uuid NOT NULL,
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    sent_decodable  boolean NOT NULL,
    received_decodable boolean NOT NULL,
    packets_in      bigint NOT NULL,
    packets_out     bigint NOT NULL,
    lost_in         bigint NOT NULL,
    lost_out        bigint NOT NULL,
    jitter_ms       real NOT NULL,
    rtt_ms          real,
    PRIMARY KEY (node_id, seq),
    CHECK (from_at < to_at)
);
CREATE INDEX acceptance_evidence_by_test ON acceptance_evidence (test_id);

CREATE TABLE acceptance_results (
    test_id         uuid PRIMARY KEY REFERENCES acceptance_tests,
    finished_at     timestamptz NOT NULL,
    passed          boolean NOT NULL,
    certificate     text NOT NULL,               -- canonical JSON: figures against thresholds
    signature       text NOT NULL,               -- JWS of it, RFC 7515 with Ed25519
    key_id          text NOT NULL
);

-- ── What became of a room (append-only) ─────────────────────────────────────────────────

CREATE TABLE room_history (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id         text NOT NULL REFERENCES rooms,
    from_status     text,                        -- null: entered into the register
    to_status       text NOT NULL,
    on_day          date,                        -- null: the register did not say
    at              timestamptz NOT NULL DEFAULT now(),
    actor           text NOT NULL,
    why             text NOT NULL,
    test_id         uuid REFERENCES acceptance_tests
);
CREATE INDEX room_history_by_room ON room_history (room_id, id);

-- Who enters a room, and why, is said by two settings of the transaction; else the register did.
CREATE FUNCTION rooms_enter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO room_history (room_id, to_status, on_day, actor, why)
    VALUES (NEW.id, NEW.status,
            CASE NEW.status WHEN 'accepted' THEN NEW.accepted_on WHEN 'installed' THEN NEW.installed_on
                            WHEN 'planned' THEN NEW.planned_on ELSE NEW.retired_on END,
            coalesce(nullif(current_setting('classroom_sync.actor', true), ''), 'system'),
            coalesce(nullif(current_setting('classroom_sync.why', true), ''),
                     'taken over from the register'));
    RETURN NULL;
END $$;
CREATE TRIGGER enter AFTER INSERT ON rooms FOR EACH ROW EXECUTE FUNCTION rooms_enter();

INSERT INTO room_history (room_id, to_status, on_day, actor, why)
SELECT id, status, CASE status WHEN 'accepted' THEN accepted_on ELSE installed_on END,
       'system', 'taken over from the register'
FROM rooms ORDER BY id;

-- The only way from one status to another: moves the room and writes its history, or neither.
CREATE FUNCTION move_room(
    room text, target text, day date, moved_at timestamptz, who text, reason text, test uuid
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    old rooms;
BEGIN
    SELECT * INTO STRICT old FROM rooms WHERE id = room FOR UPDATE;
    IF NOT EXISTS (SELECT FROM room_transitions
                   WHERE from_status = old.status AND to_status = target) THEN
        RAISE EXCEPTION 'a room cannot go from % to %', old.status, target
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rooms_move_along';
    END IF;
    IF test IS NOT NULL AND NOT EXISTS (
        SELECT FROM acceptance_tests t JOIN acceptance_results r ON r.test_id = t.id
        WHERE t.id = test AND t.room_id = room AND r.passed) THEN
        RAISE EXCEPTION 'room % has not passed test %', room, test
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rooms_accepted_for_a_reason';
    END IF;
    IF target = 'accepted' AND test IS NULL AND length(btrim(reason)) < 10 THEN
        RAISE EXCEPTION 'a room is accepted by a test it passed, or for a reason that is given'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rooms_accepted_for_a_reason';
    END IF;
    IF day < greatest(old.planned_on, old.installed_on, old.accepted_on) THEN
        RAISE EXCEPTION 'a room cannot become % before it was %', target, old.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rooms_dates_in_order';
    END IF;
    UPDATE rooms SET
        status = target,
        installed_on = CASE target WHEN 'installed' THEN day ELSE installed_on END,
        accepted_on = CASE target WHEN 'accepted' THEN day ELSE accepted_on END,
        retired_on = CASE target WHEN 'retired' THEN day ELSE retired_on END
    WHERE id = room;
    INSERT INTO room_history (room_id, from_status, to_status, on_day, at, actor, why, test_id)
    VALUES (room, old.status, target, day, moved_at, who, btrim(reason), test);
END $$;

REVOKE UPDATE, DELETE, TRUNCATE ON rooms FROM classroom_sync_app;
GRANT UPDATE (name, kind, phase, funding) ON rooms TO classroom_sync_app;
GRANT SELECT ON room_transitions, room_history TO classroom_sync_app;
GRANT SELECT, INSERT
    ON acceptance_tests, acceptance_begun, acceptance_transfers, acceptance_evidence, acceptance_results
    TO classroom_sync_app;
