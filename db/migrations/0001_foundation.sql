-- The city, its time, its lessons, and the evidence of what happened.
-- Names are the glossary's. Times are timestamptz; bells are local times of the term's zone.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- ── The city ────────────────────────────────────────────────────────────────────────────

CREATE TABLE schools (
    code            text PRIMARY KEY CHECK (code ~ '^[0-9]{10}$'),   -- 学校标识码, DOMAIN 10
    name            text NOT NULL,
    short_name      text NOT NULL,
    role            text NOT NULL CHECK (role IN ('hub', 'receiving')),
    hub_code        text REFERENCES schools,
    uplink_mbit     integer NOT NULL CHECK (uplink_mbit > 0),
    CHECK ((role = 'hub') = (hub_code IS NULL))
);

CREATE TABLE rooms (
    id              text PRIMARY KEY,
    school_code     text NOT NULL REFERENCES schools,
    name            text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('lead', 'interactive', 'cloud')),
    phase           smallint NOT NULL CHECK (phase IN (1, 2)),
    status          text NOT NULL CHECK (status IN ('planned', 'installed', 'accepted', 'retired')),
    installed_on    date,
    accepted_on     date,
    UNIQUE (school_code, name),
    CHECK (status <> 'accepted' OR accepted_on IS NOT NULL)
);

CREATE TABLE room_targets (                                          -- 16 by 2020, 48 by 2022
    deadline        date PRIMARY KEY,
    rooms           integer NOT NULL CHECK (rooms > 0),
    source          text NOT NULL
);

CREATE TABLE subjects (
    slug            text PRIMARY KEY,
    name_zh         text NOT NULL,
    name_en         text NOT NULL
);

CREATE TABLE teachers (
    id              text PRIMARY KEY,
    school_code     text NOT NULL REFERENCES schools,
    name            text NOT NULL,
    role            text NOT NULL CHECK (role IN ('lead', 'assistant')),
    subjects        text[] NOT NULL DEFAULT '{}',
    max_lessons_per_day smallint NOT NULL DEFAULT 3
);

CREATE TABLE class_groups (
    id              text PRIMARY KEY,
    school_code     text NOT NULL REFERENCES schools,
    name            text NOT NULL,
    grade           smallint NOT NULL CHECK (grade BETWEEN 1 AND 9),
    enrolment       integer NOT NULL CHECK (enrolment >= 0),
    UNIQUE (school_code, name)
);

-- ── Time: the term's calendar and each school's bells ───────────────────────────────────

CREATE TABLE terms (
    id              text PRIMARY KEY,
    name            text NOT NULL,
    zone            text NOT NULL DEFAULT 'Asia/Shanghai',
    week1_monday    date NOT NULL CHECK (extract(isodow FROM week1_monday) = 1),
    starts_on       date NOT NULL,
    ends_on         date NOT NULL,
    CHECK (week1_monday <= starts_on AND starts_on < ends_on),
    EXCLUDE USING gist (daterange(starts_on, ends_on, '[]') WITH &&)
);

CREATE TABLE calendar_days (                     -- what departs from "weekdays are school days"
    term_id         text NOT NULL REFERENCES terms,
    day             date NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('holiday', 'makeup')),
    acts_as         date,                        -- a make-up workday runs that date's timetable
    note            text NOT NULL DEFAULT '',
    PRIMARY KEY (term_id, day),
    CHECK ((kind = 'makeup') = (acts_as IS NOT NULL))
);

CREATE TABLE bell_periods (
    school_code     text NOT NULL REFERENCES schools,
    valid_from      date NOT NULL,               -- until the school's next valid_from
    period          smallint NOT NULL CHECK (period > 0),
    starts          time NOT NULL,
    ends            time NOT NULL,
    PRIMARY KEY (school_code, valid_from, period),
    CHECK (starts < ends)
);

-- ── The weekly timetable, versioned ─────────────────────────────────────────────────────

CREATE TABLE demands (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    term_id         text NOT NULL REFERENCES terms,
    class_id        text NOT NULL REFERENCES class_groups,
    subject         text NOT NULL REFERENCES subjects,
    lessons_per_week smallint NOT NULL CHECK (lessons_per_week > 0),
    weeks           text NOT NULL CHECK (weeks IN ('all', 'odd', 'even')),
    UNIQUE (term_id, class_id, subject, weeks)
);

CREATE TABLE busy_times (                        -- a teacher or class taken by its own school
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    term_id         text NOT NULL REFERENCES terms,
    teacher_id      text REFERENCES teachers,
    class_id        text REFERENCES class_groups,
    weekday         smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    period          smallint NOT NULL CHECK (period > 0),
    reason          text NOT NULL,
    CHECK (num_nonnulls(teacher_id, class_id) = 1)
);

CREATE TABLE timetable_versions (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    term_id         text NOT NULL REFERENCES terms,
    number          integer NOT NULL,
    state           text NOT NULL DEFAULT 'draft'
                    CHECK (state IN ('draft', 'published', 'superseded')),
    valid_from      date,
    valid_until     date,                        -- set when superseded (last day it holds)
    created_at      timestamptz NOT NULL DEFAULT now(),
    published_at    timestamptz,
    UNIQUE (term_id, number),
    CHECK ((state = 'draft') = (published_at IS NULL)),
    CHECK (state = 'draft' OR valid_from IS NOT NULL)
);

CREATE TABLE lessons (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    version_id      uuid NOT NULL REFERENCES timetable_versions ON DELETE CASCADE,
    weekday         smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    period          smallint NOT NULL CHECK (period > 0),             -- of the hub's bells
    weeks           text NOT NULL DEFAULT 'all' CHECK (weeks IN ('all', 'odd', 'even')),
    subject         text NOT NULL REFERENCES subjects,
    lead_teacher_id text NOT NULL REFERENCES teachers,
    lead_room_id    text NOT NULL REFERENCES rooms,
    interactive     boolean NOT NULL DEFAULT true
);

CREATE TABLE lesson_receivers (                  -- a receiving room with its class and assistant
    lesson_id       uuid NOT NULL REFERENCES lessons ON DELETE CASCADE,
    room_id         text NOT NULL REFERENCES rooms,
    class_id        text NOT NULL REFERENCES class_groups,
    assistant_id    text REFERENCES teachers,
    PRIMARY KEY (lesson_id, room_id)
);

-- ── Dated sessions ──────────────────────────────────────────────────────────────────────

CREATE TABLE media_nodes (
    id              uuid PRIMARY KEY,
    host            text NOT NULL,
    http_url        text NOT NULL,               -- where control processes reach the node
    public_url      text,                        -- where clients may be sent by 307, if anywhere
    udp_port        integer NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    lease_until     timestamptz NOT NULL,
    load            real NOT NULL DEFAULT 0      -- forwarded packets per second
);

CREATE TABLE session_transitions (               -- the state machine is a table
    from_state      text NOT NULL,
    to_state        text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO session_transitions VALUES
    ('scheduled', 'open'), ('scheduled', 'cancelled'), ('scheduled', 'missed'),
    ('open', 'live'), ('open', 'cancelled'), ('open', 'missed'),
    ('live', 'ended');

CREATE TABLE sessions (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    kind            text NOT NULL CHECK (kind IN ('live_lesson', 'research')),
    lesson_id       uuid REFERENCES lessons,     -- null for research and ad-hoc classes
    on_day          date NOT NULL,
    subject         text REFERENCES subjects,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    interactive     boolean NOT NULL DEFAULT true,
    state           text NOT NULL DEFAULT 'scheduled'
                    CHECK (state IN ('scheduled', 'open', 'live', 'ended', 'cancelled', 'missed')),
    cancel_cause    text CHECK (cancel_cause IN ('calendar', 'bureau', 'school', 'network')),
    opened_at       timestamptz,
    live_at         timestamptz,
    closed_at       timestamptz,
    node_id         uuid REFERENCES media_nodes ON DELETE SET NULL,
    floor_participant_id uuid,
    UNIQUE (lesson_id, on_day),
    CHECK (starts_at < ends_at),
    CHECK ((state = 'cancelled') = (cancel_cause IS NOT NULL))
);
CREATE INDEX sessions_by_time ON sessions (starts_at);
CREATE INDEX sessions_unfinished ON sessions (starts_at)
    WHERE state IN ('scheduled', 'open', 'live');

CREATE TABLE participants (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    role            text NOT NULL CHECK (role IN ('lead', 'receiving', 'observer')),
    room_id         text REFERENCES rooms,
    class_id        text REFERENCES class_groups,
    teacher_id      text REFERENCES teachers,    -- lead teacher, assistant or researcher
    busy_from       timestamptz,                 -- the class's shift (DOMAIN, Time 2);
    busy_until      timestamptz,                 -- null: the session's own time
    CHECK ((busy_from IS NULL) = (busy_until IS NULL)),
    CHECK (role <> 'receiving' OR (room_id IS NOT NULL AND class_id IS NOT NULL))
);
CREATE UNIQUE INDEX one_lead_a_session ON participants (session_id) WHERE role = 'lead';
CREATE UNIQUE INDEX a_room_once_a_session ON participants (session_id, room_id)
    WHERE role <> 'observer';
CREATE INDEX participants_by_room ON participants (room_id);
ALTER TABLE sessions ADD FOREIGN KEY (floor_participant_id) REFERENCES participants;

-- Whatever the code does, a room, a teacher or a class is never in two sessions at once.
CREATE TABLE reservations (
    participant_id  uuid NOT NULL REFERENCES participants ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('room', 'teacher', 'class')),
    resource_id     text NOT NULL,
    during          tstzrange NOT NULL CHECK (NOT isempty(during)),
    PRIMARY KEY (participant_id, kind),
    CONSTRAINT in_one_session_at_a_time
        EXCLUDE USING gist (kind WITH =, resource_id WITH =, during WITH &&)
);

-- Reservations follow sessions and participants by themselves, so that no caller can forget them.
CREATE FUNCTION reserve(p participants) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    s sessions;
    span tstzrange;
BEGIN
    SELECT * INTO STRICT s FROM sessions WHERE id = p.session_id;
    DELETE FROM reservations WHERE participant_id = p.id;
    IF p.role = 'observer' OR s.state IN ('cancelled', 'missed') THEN
        RETURN;
    END IF;
    span := tstzrange(s.starts_at, s.ends_at);
    IF s.closed_at IS NOT NULL THEN
        span := tstzrange(s.starts_at, greatest(s.starts_at + interval '1 second',
                                                least(s.ends_at, s.closed_at)));
    ELSIF p.role = 'receiving' AND p.busy_from IS NOT NULL THEN
        span := tstzrange(least(s.starts_at, p.busy_from), greatest(s.ends_at, p.busy_until));
    END IF;
    INSERT INTO reservations
    SELECT p.id, r.kind, r.id, span
    FROM (VALUES ('room', p.room_id), ('teacher', p.teacher_id), ('class', p.class_id)) AS r (kind, id)
    WHERE r.id IS NOT NULL;
END $$;

CREATE FUNCTION participants_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM reserve(NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER reserve AFTER INSERT OR UPDATE ON participants
    FOR EACH ROW EXECUTE FUNCTION participants_reserve();

CREATE FUNCTION sessions_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM reserve(p) FROM participants p WHERE p.session_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER reserve AFTER UPDATE OF starts_at, ends_at, state, closed_at ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_reserve();

CREATE FUNCTION sessions_move_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT EXISTS (
        SELECT FROM session_transitions WHERE from_state = OLD.state AND to_state = NEW.state)
    THEN
        RAISE EXCEPTION 'a session cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'sessions_move_along';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER move_along BEFORE UPDATE OF state ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_move_along();

-- Published timetable versions are immutable: only their end may still be set.
CREATE FUNCTION published_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        TG_OP = 'DELETE'
        OR (NEW.id, NEW.term_id, NEW.number, NEW.valid_from, NEW.published_at)
           IS DISTINCT FROM (OLD.id, OLD.term_id, OLD.number, OLD.valid_from, OLD.published_at)
        OR NEW.state = 'draft')
    THEN
        RAISE EXCEPTION 'timetable version % is published and cannot change', OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'published_is_immutable';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON timetable_versions
    FOR EACH ROW EXECUTE FUNCTION published_is_immutable();

CREATE FUNCTION is_draft(version uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT state = 'draft' FROM timetable_versions WHERE id = version
$$;

CREATE FUNCTION refuse_published() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lessons of a published timetable version cannot change'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'published_is_immutable';
END $$;

CREATE FUNCTION lessons_of_drafts_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF NOT is_draft(OLD.version_id) THEN PERFORM refuse_published(); END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NOT is_draft(NEW.version_id) THEN PERFORM refuse_published(); END IF;
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION receivers_of_drafts_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF NOT is_draft((SELECT version_id FROM lessons WHERE id = OLD.lesson_id)) THEN
            PERFORM refuse_published();
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NOT is_draft((SELECT version_id FROM lessons WHERE id = NEW.lesson_id)) THEN
            PERFORM refuse_published();
        END IF;
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER drafts_only BEFORE INSERT OR UPDATE OR DELETE ON lessons
    FOR EACH ROW EXECUTE FUNCTION lessons_of_drafts_only();
CREATE TRIGGER drafts_only BEFORE INSERT OR UPDATE OR DELETE ON lesson_receivers
    FOR EACH ROW EXECUTE FUNCTION receivers_of_drafts_only();

-- ── What really happened (append-only) ──────────────────────────────────────────────────

CREATE TABLE evidence (                          -- a slice of at most some seconds, as it happens
    node_id         uuid NOT NULL,
    seq             bigint NOT NULL,             -- per node process: writing twice counts once
    session_id      uuid NOT NULL REFERENCES sessions,
    participant_id  uuid NOT NULL REFERENCES participants,
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    sent_decodable  boolean NOT NULL,
    received_decodable boolean NOT NULL,
    packets_in      bigint NOT NULL,
    bytes_in        bigint NOT NULL,
    packets_out     bigint NOT NULL,
    bytes_out       bigint NOT NULL,
    lost_in         bigint NOT NULL,
    lost_out        bigint NOT NULL,
    jitter_ms       real NOT NULL,
    rtt_ms          real,
    reason          text CHECK (reason IN ('left', 'lost', 'replaced', 'ended', 'stopped')),
    written_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node_id, seq),
    CHECK (from_at < to_at)
);
CREATE INDEX evidence_by_participant ON evidence (participant_id, from_at);
CREATE INDEX evidence_by_session ON evidence (session_id);

CREATE TABLE head_counts (                       -- corrections are new rows: who, when and why
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    participant_id  uuid NOT NULL REFERENCES participants,
    expected        integer NOT NULL CHECK (expected >= 0),
    present         integer NOT NULL CHECK (present >= 0),
    counted_by      text NOT NULL,
    counted_at      timestamptz NOT NULL DEFAULT now(),
    why             text NOT NULL DEFAULT '',
    CHECK (present <= expected)
);
CREATE INDEX head_counts_by_participant ON head_counts (participant_id, counted_at);

CREATE TABLE interactions (                      -- hands and the floor
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    participant_id  uuid NOT NULL REFERENCES participants,
    kind            text NOT NULL CHECK (kind IN
                    ('hand_raised', 'hand_lowered', 'floor_given', 'floor_taken', 'help')),
    at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX interactions_by_session ON interactions (session_id, at);

CREATE TABLE attendance (                        -- derived, per link; the newest revision holds
    participant_id  uuid NOT NULL REFERENCES participants,
    revision        integer NOT NULL CHECK (revision > 0),
    session_id      uuid NOT NULL REFERENCES sessions,
    status          text NOT NULL CHECK (status IN ('full', 'partial', 'absent', 'made_up', 'excused')),
    valid           boolean NOT NULL,
    seconds         integer NOT NULL CHECK (seconds >= 0),
    planned_seconds integer NOT NULL CHECK (planned_seconds > 0),
    interruptions   integer NOT NULL CHECK (interruptions >= 0),
    expected        integer,                     -- null: no head count came in
    present         integer,
    took_floor      boolean NOT NULL,
    cause           text,
    rules_version   text NOT NULL,
    derived_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (participant_id, revision)
);
CREATE INDEX attendance_by_session ON attendance (session_id);

CREATE TABLE presence (                          -- merged intervals under an attendance revision
    participant_id  uuid NOT NULL,
    revision        integer NOT NULL,
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    reason          text,                        -- why it closed
    PRIMARY KEY (participant_id, revision, from_at),
    FOREIGN KEY (participant_id, revision) REFERENCES attendance (participant_id, revision),
    CHECK (from_at < to_at),
    EXCLUDE USING gist (participant_id WITH =, revision WITH =, tstzrange(from_at, to_at) WITH &&)
);

-- ── Who may enter ───────────────────────────────────────────────────────────────────────

CREATE TABLE accounts (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    login           text NOT NULL UNIQUE CHECK (login = lower(login)),
    name            text NOT NULL,
    password_hash   text NOT NULL,
    role            text NOT NULL CHECK (role IN ('bureau', 'admin', 'teacher', 'observer')),
    school_code     text REFERENCES schools,     -- null: the whole city
    teacher_id      text REFERENCES teachers,
    failed_sign_ins integer NOT NULL DEFAULT 0,
    locked_until    timestamptz,
    CHECK (role <> 'teacher' OR teacher_id IS NOT NULL)
);

CREATE TABLE pairing_codes (
    code            text PRIMARY KEY,
    room_id         text NOT NULL REFERENCES rooms,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz
);

CREATE TABLE room_devices (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    room_id         text NOT NULL REFERENCES rooms,
    paired_at       timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz
);

CREATE TABLE web_sessions (
    token_hash      bytea PRIMARY KEY,           -- SHA-256 of the cookie
    account_id      uuid REFERENCES accounts,
    device_id       uuid REFERENCES room_devices,
    csrf            text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    seen_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(account_id, device_id) = 1)
);

CREATE TABLE secrets (                           -- keys that all processes share
    name            text PRIMARY KEY,
    value           bytea NOT NULL
);

CREATE TABLE audit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT now(),
    actor           text NOT NULL,               -- account:… | device:… | system
    action          text NOT NULL,
    object          text NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_time ON audit (at);

-- ── What the application's own role may do ──────────────────────────────────────────────

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'classroom_sync_app') THEN
        CREATE ROLE classroom_sync_app NOLOGIN;
    END IF;
END $$;
GRANT classroom_sync_app TO CURRENT_USER;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO classroom_sync_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO classroom_sync_app;
REVOKE UPDATE, DELETE, TRUNCATE
    ON evidence, head_counts, interactions, attendance, presence, audit FROM classroom_sync_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON reservations, session_transitions FROM classroom_sync_app;
