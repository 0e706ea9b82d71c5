-- Targeted push 精准帮扶推送: what is uploaded, what is sent to which classes, and what came of it.

CREATE TABLE uploads (                           -- the file is called by the id
    id              uuid PRIMARY KEY,
    made_by         uuid NOT NULL REFERENCES accounts,
    teacher_id      text NOT NULL REFERENCES teachers,
    hub_code        text NOT NULL REFERENCES schools,
    kind            text NOT NULL CHECK (kind IN ('lesson', 'slides', 'worksheet')),
    name            text NOT NULL CHECK (name <> ''),
    subject         text NOT NULL REFERENCES subjects,
    media_type      text NOT NULL,
    size            bigint NOT NULL CHECK (size > 0),                 -- bytes
    state           text NOT NULL DEFAULT 'receiving'
                    CHECK (state IN ('receiving', 'ready', 'refused', 'deleted')),
    cause           text,                        -- why it was refused: an English message id
    digest          bytea,                       -- SHA-256
    duration_ms     integer CHECK (duration_ms > 0),                  -- of a video
    pages           integer CHECK (pages > 0),
    made_at         timestamptz NOT NULL,
    ready_at        timestamptz,
    CHECK ((state = 'refused') = (cause IS NOT NULL)),
    CHECK (state <> 'ready' OR num_nulls(digest, ready_at) = 0),
    CHECK (state <> 'ready' OR (kind = 'lesson') = (duration_ms IS NOT NULL))
);
CREATE INDEX uploads_by_teacher ON uploads (teacher_id, made_at);
CREATE INDEX uploads_unfinished ON uploads (made_at) WHERE state = 'receiving';

CREATE TABLE push_rules (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    kind            text NOT NULL CHECK (kind IN ('make_up', 'subject', 'weekly')),
    subject         text REFERENCES subjects,    -- null: any (make_up)
    grades          smallint[] NOT NULL DEFAULT '{}',                 -- empty: all
    weekday         smallint CHECK (weekday BETWEEN 1 AND 7),
    school_days     smallint NOT NULL CHECK (school_days BETWEEN 1 AND 60),
    since           date NOT NULL,
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    CHECK ((kind = 'weekly') = (weekday IS NOT NULL)),
    CHECK (kind = 'make_up' OR subject IS NOT NULL)
);
-- Whoever missed a lesson is sent its recording, due in ten school days (DOMAIN 9), until an
-- administrator ends the rule.
INSERT INTO push_rules (kind, school_days, since, made_by) VALUES ('make_up', 10, '2020-01-01', 'system');

CREATE TABLE pushes (                            -- one thing sent: a recording or an upload
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    recording_id    uuid REFERENCES recordings,
    upload_id       uuid REFERENCES uploads,
    rule_id         uuid REFERENCES push_rules,  -- null: by hand
    teacher_id      text NOT NULL REFERENCES teachers,                -- whom feedback goes to
    note            text NOT NULL DEFAULT '' CHECK (length(note) <= 1000),
    sent_by         text NOT NULL,               -- as audit.actor
    sent_at         timestamptz NOT NULL,
    sent_on         date NOT NULL,
    due_on          date NOT NULL,
    duration_ms     integer CHECK (duration_ms > 0),                  -- of a video, when it was sent
    CHECK (num_nonnulls(recording_id, upload_id) = 1),
    CHECK (sent_on <= due_on)
);
CREATE INDEX pushes_by_teacher ON pushes (teacher_id, sent_at);
CREATE INDEX pushes_by_recording ON pushes (recording_id);
CREATE INDEX pushes_by_upload ON pushes (upload_id);

CREATE TABLE push_targets (
    push_id         uuid NOT NULL REFERENCES pushes,
    class_id        text NOT NULL REFERENCES class_groups,
    participant_id  uuid REFERENCES participants,                     -- the link it makes up for
    PRIMARY KEY (push_id, class_id)
);
CREATE INDEX push_targets_by_class ON push_targets (class_id);
CREATE INDEX push_targets_by_participant ON push_targets (participant_id);

-- What happened in classrooms (append-only). The id is made there, so that what is told twice
-- counts once.
CREATE TABLE receipts (
    id              uuid PRIMARY KEY,
    push_id         uuid NOT NULL,
    class_id        text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('fetched', 'opened', 'played', 'feedback')),
    at              timestamptz NOT NULL,        -- by the classroom's clock, within reason
    played          int4multirange NOT NULL DEFAULT '{}',             -- milliseconds
    note            text NOT NULL DEFAULT '' CHECK (length(note) <= 1000),
    understood      text NOT NULL DEFAULT '' CHECK (understood IN ('', 'all', 'most', 'few')),
    actor           text NOT NULL,
    received_at     timestamptz NOT NULL,
    FOREIGN KEY (push_id, class_id) REFERENCES push_targets,
    CHECK ((kind = 'played') = (played <> '{}')),
    CHECK (kind = 'feedback' OR (note = '' AND understood = ''))
);
CREATE INDEX receipts_by_target ON receipts (push_id, class_id);
CREATE INDEX receipts_by_arrival ON receipts (received_at);

-- What can be sent: recordings that are ready and whole in one file, and uploads that are ready.
-- `shared`: also to classes that were not in the lesson, without anybody choosing so.
CREATE VIEW push_materials AS
    SELECT r.id, 'recording' AS source, 'lesson' AS kind, r.title, s.subject, s.on_day AS made_on,
           lead.teacher_id, room.school_code AS hub_code, r.session_id, p.mime AS media_type,
           p.bytes AS size, p.duration_ms, p.storage_key, r.published AS shared,
           encode(sha256(convert_to(r.id || p.storage_key || p.bytes, 'UTF8')), 'hex') AS tag
    FROM recordings r
    JOIN sessions s ON s.id = r.session_id
    JOIN participants lead ON lead.session_id = s.id AND lead.role = 'lead'
    JOIN rooms room ON room.id = lead.room_id
    JOIN recording_parts p ON p.recording_id = r.id AND p.track = 'main' AND p.number = 1
    WHERE r.state = 'ready' AND s.subject IS NOT NULL AND lead.teacher_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM recording_parts o
                      WHERE o.recording_id = r.id AND o.track = 'main' AND o.number > 1)
    UNION ALL
    SELECT u.id, 'upload', u.kind, u.name, u.subject,
           CAST(u.made_at AT TIME ZONE 'Asia/Shanghai' AS date),
           u.teacher_id, u.hub_code, NULL, u.media_type, u.size, u.duration_ms,
           CAST(u.id AS text), true, encode(u.digest, 'hex')
    FROM uploads u WHERE u.state = 'ready';

-- The classes that use a room: those of its school that a lesson puts into it; and those that no
-- lesson puts anywhere, for else they could be reached nowhere.
CREATE VIEW room_classes AS
    WITH placed AS (
        SELECT p.room_id, p.class_id FROM participants p WHERE p.role = 'receiving'
        UNION
        SELECT l.room_id, l.class_id FROM lesson_receivers l
        JOIN lessons n ON n.id = l.lesson_id
        JOIN timetable_versions v ON v.id = n.version_id AND v.state = 'published')
    SELECT r.id AS room_id, c.id AS class_id
    FROM rooms r
    JOIN class_groups c ON c.school_code = r.school_code
    WHERE r.kind <> 'lead'
      AND (EXISTS (SELECT FROM placed p WHERE p.room_id = r.id AND p.class_id = c.id)
           OR NOT EXISTS (SELECT FROM placed p WHERE p.class_id = c.id));

GRANT SELECT, INSERT, UPDATE ON uploads, push_rules TO classroom_sync_app;
GRANT SELECT, INSERT ON pushes, push_targets, receipts TO classroom_sync_app;
GRANT SELECT ON push_materials, room_classes TO classroom_sync_app;
