-- What each class has done with what it was sent, for indicators and made-up attendance.

-- The share of a recording from which on it counts as watched (DOMAIN 9).
CREATE FUNCTION watched_share() RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT 0.8
$$;

CREATE FUNCTION milliseconds_in(ranges int4multirange) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(ranges) r
$$;

-- Whether so much of a video of this length counts as watched.
CREATE FUNCTION is_watched(played int4multirange, duration_ms integer) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT milliseconds_in(played * int4multirange(int4range(0, duration_ms)))
           >= watched_share() * duration_ms
$$;

-- Receipts are judged when they come, and the judgement is kept: figures of a city read no receipts.
CREATE TABLE push_progress (
    push_id         uuid NOT NULL,
    class_id        text NOT NULL,
    fetched         timestamptz,
    opened          timestamptz,
    watched         timestamptz,
    fetched_known   timestamptz,
    opened_known    timestamptz,
    watched_known   timestamptz,
    PRIMARY KEY (push_id, class_id),
    FOREIGN KEY (push_id, class_id) REFERENCES push_targets
);

-- What the receipts of one push and class say together, whatever their order. A recording is watched
-- once the union of the ranges played reaches watched_share() of its length when it was sent (or of
-- what is left, if it was cut since); a document once it is opened. What was opened has been fetched.
CREATE VIEW push_judged AS
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
               min(n.at) FILTER (WHERE is_watched(n.happened, length.duration_ms)) AS watched,
               min(n.received_at) FILTER (WHERE n.kind IN ('fetched', 'opened', 'played')) AS fetched_known,
               min(n.received_at) FILTER (WHERE n.kind IN ('opened', 'played')) AS opened_known,
               min(n.received_at) FILTER (WHERE is_watched(n.learned, length.duration_ms)) AS watched_known
        FROM (
            SELECT kind, at, received_at,
                   range_agg(played) OVER (ORDER BY at, id ROWS UNBOUNDED PRECEDING) AS happened,
                   range_agg(played) OVER (ORDER BY received_at, id ROWS UNBOUNDED PRECEDING) AS learned
            FROM receipts WHERE push_id = t.push_id AND class_id = t.class_id) n) seen;

-- One judgement of a push and class at a time, so that two classrooms that tell at once both count.
CREATE FUNCTION judge_push(push uuid, class text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM push_targets WHERE push_id = push AND class_id = class FOR NO KEY UPDATE;
    INSERT INTO push_progress SELECT * FROM push_judged WHERE push_id = push AND class_id = class
    ON CONFLICT (push_id, class_id) DO UPDATE SET
        (fetched, opened, watched, fetched_known, opened_known, watched_known)
        = (excluded.fetched, excluded.opened, excluded.watched,
           excluded.fetched_known, excluded.opened_known, excluded.watched_known);
END $$;

CREATE FUNCTION receipts_judge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM judge_push(NEW.push_id, NEW.class_id);
    RETURN NULL;
END $$;
CREATE TRIGGER judge AFTER INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION receipts_judge();

CREATE FUNCTION recordings_judge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM judge_push(g.push_id, g.class_id)
    FROM push_progress g JOIN pushes p ON p.id = g.push_id WHERE p.recording_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER judge AFTER UPDATE OF duration_ms ON recordings FOR EACH ROW
    WHEN (OLD.duration_ms IS DISTINCT FROM NEW.duration_ms) EXECUTE FUNCTION recordings_judge();

-- One row per push and class. `fetched`, `opened`, `watched`: when that happened first, by the
-- classroom's clock (null: not yet); the `…_known` beside them: when the server learned of it, which
-- is what a report as of an instant may use, and what is new since an instant.
CREATE OR REPLACE VIEW push_facts AS
    SELECT t.push_id, t.class_id, c.school_code, p.sent_on, g.fetched, g.opened, g.watched,
           t.participant_id AS source_session_participant,
           p.due_on, g.fetched_known, g.opened_known, g.watched_known, p.sent_at
    FROM push_targets t
    JOIN pushes p ON p.id = t.push_id
    JOIN class_groups c ON c.id = t.class_id
    LEFT JOIN push_progress g ON g.push_id = t.push_id AND g.class_id = t.class_id;
CREATE INDEX push_progress_watched ON push_progress (watched_known) WHERE watched_known IS NOT NULL;

GRANT SELECT ON push_facts, push_judged, push_progress TO classroom_sync_app;
