-- Targeted push completed: recordings of several parts and with their shared screen, the share from
-- which on one is watched, changing and taking back what was sent, and questions to a class.

ALTER TABLE pushes
    ADD COLUMN watched_share double precision NOT NULL DEFAULT 0.8   -- that held when it was sent
        CHECK (watched_share > 0 AND watched_share <= 1),
    ADD COLUMN questions jsonb NOT NULL DEFAULT '[]'
        CHECK (jsonb_typeof(questions) = 'array' AND jsonb_array_length(questions) <= 10),
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN withdrawn_by text,                                    -- as audit.actor
    ADD COLUMN withdrawn_why text CHECK (length(withdrawn_why) BETWEEN 1 AND 300),
    ADD CONSTRAINT pushes_withdrawn CHECK (num_nulls(withdrawn_at, withdrawn_by, withdrawn_why) IN (0, 3));
ALTER TABLE pushes ALTER COLUMN watched_share DROP DEFAULT;

CREATE FUNCTION pushes_stay_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a push that was taken back does not change any more'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'pushes_stay_back';
END $$;
CREATE TRIGGER stay_back BEFORE UPDATE ON pushes
    FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION pushes_stay_back();

ALTER TABLE receipts
    DROP CONSTRAINT receipts_kind_check,
    ADD CONSTRAINT receipts_kind_check
        CHECK (kind IN ('fetched', 'opened', 'played', 'feedback', 'answered')),
    ADD COLUMN answers jsonb,                    -- to the push's questions, in their order
    ADD CONSTRAINT receipts_answers CHECK ((kind = 'answered') = (answers IS NOT NULL));

-- The files of a recording that are sent to classes: its picture and sound, and the shared screen.
-- Pictures of other classrooms never are. `tag` changes with the content.
CREATE VIEW push_parts AS
    SELECT p.recording_id, p.track, p.number, p.starts_ms, p.duration_ms, p.bytes, p.mime, p.storage_key,
           encode(sha256(convert_to(p.recording_id || p.storage_key || p.bytes, 'UTF8')), 'hex') AS tag
    FROM recording_parts p JOIN recordings r ON r.id = p.recording_id
    WHERE r.state = 'ready' AND p.track IN ('main', 'screen');

-- What can be sent: recordings and uploads that are ready. A recording is as long as its picture and
-- sound are. `shared`: also to classes that were not in the lesson, without anybody choosing so.
CREATE OR REPLACE VIEW push_materials AS
    SELECT r.id, 'recording' AS source, 'lesson' AS kind, r.title, s.subject, s.on_day AS made_on,
           lead.teacher_id, room.school_code AS hub_code, r.session_id, first.mime AS media_type,
           whole.bytes AS size, whole.duration_ms, first.storage_key, r.published AS shared,
           encode(sha256(convert_to(r.id || whole.files, 'UTF8')), 'hex') AS tag
    FROM recordings r
    JOIN sessions s ON s.id = r.session_id
    JOIN participants lead ON lead.session_id = s.id AND lead.role = 'lead'
    JOIN rooms room ON room.id = lead.room_id
    JOIN LATERAL (SELECT * FROM push_parts p WHERE p.recording_id = r.id
                  ORDER BY p.track, p.starts_ms, p.number LIMIT 1) first ON true
    JOIN LATERAL (
        SELECT CAST(sum(p.bytes) AS bigint) AS bytes,
               max(p.starts_ms + p.duration_ms) FILTER (WHERE p.track = first.track) AS duration_ms,
               string_agg(p.storage_key || p.bytes, '' ORDER BY p.track, p.number) AS files
        FROM push_parts p WHERE p.recording_id = r.id) whole ON true
    WHERE s.subject IS NOT NULL AND lead.teacher_id IS NOT NULL
    UNION ALL
    SELECT u.id, 'upload', u.kind, u.name, u.subject,
           CAST(u.made_at AT TIME ZONE 'Asia/Shanghai' AS date),
           u.teacher_id, u.hub_code, NULL, u.media_type, u.size, u.duration_ms,
           CAST(u.id AS text), true, encode(u.digest, 'hex')
    FROM uploads u WHERE u.state = 'ready';

-- Whether so much of a video of this length counts as watched, from a share on.
CREATE FUNCTION is_watched(played int4multirange, duration_ms integer, share double precision)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CAST(milliseconds_in(played * int4multirange(int4range(0, duration_ms))) AS double precision)
           / nullif(duration_ms, 0) >= share
$$;

-- As before, but each push by the share that held when it was sent.
CREATE OR REPLACE VIEW push_judged AS
    SELECT t.push_id, t.class_id, seen.fetched, seen.opened,
           CASE WHEN p.duration_ms IS NULL THEN seen.opened ELSE seen.watched END AS watched,
           seen.fetched_known, seen.opened_known,
           CASE WHEN p.duration_ms IS NULL THEN seen.opened_known
                ELSE seen.watched_known END AS watched_known
    FROM push_targets t
    JOIN pushes p ON p.id = t.push_id
    LEFT JOIN recordings r ON r.id = p.recording_id
    CROSS JOIN LATERAL (
        SELECT CAST(least(p.duration_ms, r.duration_ms) AS integer) AS duration_ms) length
    CROSS JOIN LATERAL (
        SELECT min(n.at) FILTER (WHERE n.kind IN ('fetched', 'opened', 'played')) AS fetched,
               min(n.at) FILTER (WHERE n.kind IN ('opened', 'played')) AS opened,
               min(n.at) FILTER (
                   WHERE is_watched(n.happened, length.duration_ms, p.watched_share)) AS watched,
               min(n.received_at) FILTER (WHERE n.kind IN ('fetched', 'opened', 'played')) AS fetched_known,
               min(n.received_at) FILTER (WHERE n.kind IN ('opened', 'played')) AS opened_known,
               min(n.received_at) FILTER (
                   WHERE is_watched(n.learned, length.duration_ms, p.watched_share)) AS watched_known
        FROM (
            SELECT kind, at, received_at,
                   range_agg(played) OVER (ORDER BY at, id ROWS UNBOUNDED PRECEDING) AS happened,
                   range_agg(played) OVER (ORDER BY received_at, id ROWS UNBOUNDED PRECEDING) AS learned
            FROM receipts WHERE push_id = t.push_id AND class_id = t.class_id) n) seen;
DROP FUNCTION is_watched(int4multirange, integer);
DROP FUNCTION watched_share();

-- As before, and when a push was taken back.
CREATE OR REPLACE VIEW push_facts AS
    SELECT t.push_id, t.class_id, c.school_code, p.sent_on, g.fetched, g.opened, g.watched,
           t.participant_id AS source_session_participant,
           p.due_on, g.fetched_known, g.opened_known, g.watched_known, p.sent_at, p.withdrawn_at
    FROM push_targets t
    JOIN pushes p ON p.id = t.push_id
    JOIN class_groups c ON c.id = t.class_id
    LEFT JOIN push_progress g ON g.push_id = t.push_id AND g.class_id = t.class_id;

-- Which of them count as of an instant: a class that had not opened what was taken back is no target
-- of it from then on; what a class had opened stays, with all that it did.
CREATE FUNCTION push_facts_as_of(as_of timestamptz) RETURNS SETOF push_facts LANGUAGE sql STABLE AS $$
    SELECT * FROM push_facts
    WHERE sent_at <= as_of
      AND (withdrawn_at IS NULL OR withdrawn_at > as_of OR opened_known <= as_of)
$$;

GRANT UPDATE (note, due_on, withdrawn_at, withdrawn_by, withdrawn_why) ON pushes TO classroom_sync_app;
GRANT SELECT ON push_parts TO classroom_sync_app;
