-- What each class has done with what it was sent, for indicators and made-up attendance.

-- The share of a recording from which on it counts as watched (DOMAIN 9).
CREATE FUNCTION watched_share() RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT 0.8
$$;

CREATE FUNCTION milliseconds_in(ranges int4multirange) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(ranges) r
$$;

-- One row per push and class. `fetched`, `opened`, `watched`: when that happened first, by the
-- classroom's clock (null: not yet); the `…_known` beside them: when the server learned of it, which
-- is what a report as of an instant may use. A recording is watched once the union of the ranges
-- played reaches watched_share(); a document once it is opened. What was opened has been fetched.
CREATE OR REPLACE VIEW push_facts AS
    WITH length AS (                             -- a recording may be cut after it was sent
        SELECT p.id AS push_id,
               CAST(least(p.duration_ms, r.duration_ms) AS integer) AS duration_ms,
               p.duration_ms IS NOT NULL AS plays
        FROM pushes p LEFT JOIN recordings r ON r.id = p.recording_id),
    so_far AS (
        SELECT n.*, l.duration_ms, l.plays,
               range_agg(n.played) OVER so_far
                   * int4multirange(int4range(0, coalesce(l.duration_ms, 0))) AS happened,
               range_agg(n.played) OVER known
                   * int4multirange(int4range(0, coalesce(l.duration_ms, 0))) AS learned
        FROM receipts n JOIN length l ON l.push_id = n.push_id
        WINDOW so_far AS (PARTITION BY n.push_id, n.class_id ORDER BY n.at, n.id
                          ROWS UNBOUNDED PRECEDING),
               known AS (PARTITION BY n.push_id, n.class_id ORDER BY n.received_at, n.id
                         ROWS UNBOUNDED PRECEDING)),
    judged AS (
        SELECT *,
               CASE WHEN plays THEN duration_ms > 0 AND happened <> '{}'
                    AND milliseconds_in(happened) >= watched_share() * duration_ms
                    ELSE kind IN ('opened', 'played') END AS enough,
               CASE WHEN plays THEN duration_ms > 0 AND learned <> '{}'
                    AND milliseconds_in(learned) >= watched_share() * duration_ms
                    ELSE kind IN ('opened', 'played') END AS enough_known
        FROM so_far),
    seen AS (
        SELECT push_id, class_id,
               min(at) FILTER (WHERE kind IN ('fetched', 'opened', 'played')) AS fetched,
               min(at) FILTER (WHERE kind IN ('opened', 'played')) AS opened,
               min(at) FILTER (WHERE enough) AS watched,
               min(received_at) FILTER (WHERE kind IN ('fetched', 'opened', 'played')) AS fetched_known,
               min(received_at) FILTER (WHERE kind IN ('opened', 'played')) AS opened_known,
               min(received_at) FILTER (WHERE enough_known) AS watched_known
        FROM judged GROUP BY push_id, class_id)
    SELECT t.push_id, t.class_id, c.school_code, p.sent_on, s.fetched, s.opened, s.watched,
           t.participant_id AS source_session_participant,
           p.due_on, s.fetched_known, s.opened_known, s.watched_known
    FROM push_targets t
    JOIN pushes p ON p.id = t.push_id
    JOIN class_groups c ON c.id = t.class_id
    LEFT JOIN seen s ON s.push_id = t.push_id AND s.class_id = t.class_id;

GRANT SELECT ON push_facts TO classroom_sync_app;
