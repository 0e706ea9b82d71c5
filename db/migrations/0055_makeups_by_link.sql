-- A make-up may merge several lessons: each of its links says which link it makes up for. Until now a
-- session made up for one other, with all of its classes.

ALTER TABLE participants
    ADD COLUMN makes_up_id uuid REFERENCES participants,   -- a make-up 补课 of its class's link there
    ADD CONSTRAINT links_make_up CHECK (makes_up_id IS NULL OR role = 'receiving');

UPDATE participants p SET makes_up_id = o.id
FROM sessions s, participants o
WHERE s.id = p.session_id AND p.role = 'receiving'
  AND o.session_id = s.makes_up_id AND o.role = 'receiving' AND o.class_id = p.class_id;
CREATE INDEX participants_by_made_up ON participants (makes_up_id) WHERE makes_up_id IS NOT NULL;

-- ── One make-up of a link at a time ─────────────────────────────────────────────────────

DROP TRIGGER link_makeup ON sessions;
DROP TRIGGER link_makeup ON participants;
DROP TABLE makeup_links;

CREATE TABLE makeup_links (                      -- those that are held, or to be held
    participant_id  uuid PRIMARY KEY REFERENCES participants ON DELETE CASCADE,
    makes_up_id     uuid NOT NULL REFERENCES participants,
    CONSTRAINT one_makeup_a_link UNIQUE (makes_up_id)
);

CREATE OR REPLACE FUNCTION link_makeup(p participants) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM makeup_links WHERE participant_id = p.id;
    INSERT INTO makeup_links
    SELECT p.id, p.makes_up_id FROM sessions s
    WHERE s.id = p.session_id AND p.makes_up_id IS NOT NULL
      AND s.state NOT IN ('cancelled', 'missed');
END $$;

CREATE TRIGGER link_makeup AFTER INSERT ON participants
    FOR EACH ROW WHEN (NEW.makes_up_id IS NOT NULL) EXECUTE FUNCTION participants_link_makeup();

CREATE OR REPLACE FUNCTION sessions_link_makeup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM link_makeup(p) FROM participants p
    WHERE p.session_id = NEW.id AND p.makes_up_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER link_makeup AFTER UPDATE OF state ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_link_makeup();

SELECT count(link_makeup(p)) FROM participants p WHERE p.makes_up_id IS NOT NULL;
GRANT SELECT ON makeup_links TO classroom_sync_app;

-- ── What a make-up does to figures: as before, link by link ─────────────────────────────

DROP FUNCTION made_up_for(sessions);
DROP FUNCTION standing_in(sessions);

-- The sessions that a make-up's link makes up for: that of the link it names, and where that one is a
-- make-up too, of the one which that names.
CREATE FUNCTION made_up_for(makeup participants) RETURNS SETOF sessions LANGUAGE sql STABLE AS $$
    WITH RECURSIVE up AS (
        SELECT o.* FROM participants o WHERE o.id = (makeup).makes_up_id
        UNION ALL
        SELECT o.* FROM up JOIN participants o ON o.id = up.makes_up_id)
    SELECT s.* FROM up JOIN sessions s ON s.id = up.session_id
$$;

-- What is held in place of a make-up's link: itself, or where calendar or bureau cancelled its
-- session, the links that make up for it.
CREATE FUNCTION standing_in(makeup participants) RETURNS SETOF participants
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE down AS (
        SELECT (makeup).*
        UNION ALL
        SELECT m.* FROM down
        JOIN sessions s ON s.id = down.session_id AND s.cancel_cause IN ('calendar', 'bureau')
        JOIN participants m ON m.makes_up_id = down.id)
    SELECT * FROM down
$$;

-- Links in [since, until] as known at an instant: what was derived, cancelled or evaluated later is
-- not seen. A make-up's link is not due when the lesson it makes up for is, or was to be, held with
-- its class: that one carries the result, so that it counts once (DOMAIN, 9).
CREATE OR REPLACE FUNCTION links_as_of(as_of timestamptz, since date, until date)
RETURNS SETOF link LANGUAGE sql STABLE AS $$
    SELECT p.id, s.id, s.on_day, s.starts_at, s.ends_at, s.state, s.cancel_cause,
           CASE WHEN s.interactive THEN 'interactive' ELSE 'broadcast' END,
           s.subject, c.grade, p.class_id, p.room_id, r.phase, r.school_code, p.teacher_id,
           lead.room_id, lead.teacher_id, lr.school_code,
           (s.ends_at <= as_of OR s.closed_at <= as_of)
               AND NOT is_excused(s, as_of)
               AND NOT (p.makes_up_id IS NOT NULL AND EXISTS (
                   SELECT FROM made_up_for(p) m WHERE NOT is_excused(m, as_of))),
           EXISTS (SELECT FROM evaluations e
                   WHERE e.session_id = s.id AND e.evaluated_at <= as_of),
           a.status, coalesce(a.valid, false),
           coalesce(a.status = 'full' OR (a.status = 'partial'
                    AND a.cause IN ('no_head_count', 'no_interaction')), false),
           a.seconds, a.planned_seconds, a.interruptions, a.expected, a.present, a.took_floor,
           a.cause, a.makeup_due_on, a.made_up_on, a.made_up_by, a.delay_p95_ms, a.loss_p95,
           a.rules_version
    FROM sessions s
    JOIN participants p ON p.session_id = s.id AND p.role = 'receiving'
    JOIN rooms r ON r.id = p.room_id
    JOIN class_groups c ON c.id = p.class_id
    JOIN participants lead ON lead.session_id = s.id AND lead.role = 'lead'
    JOIN rooms lr ON lr.id = lead.room_id
    LEFT JOIN LATERAL (
        SELECT * FROM attendance n WHERE n.participant_id = p.id AND n.derived_at <= as_of
        ORDER BY n.revision DESC LIMIT 1) a ON true
    WHERE s.kind = 'live_lesson' AND s.on_day BETWEEN since AND until
$$;

CREATE OR REPLACE FUNCTION link_facts_of(ids uuid[], since date, until date)
RETURNS SETOF link_facts LANGUAGE sql STABLE AS $$
    SELECT l.*, greatest(
               s.closed_at,
               (SELECT max(a.derived_at) FROM attendance a
                WHERE a.participant_id = l.participant_id),
               (SELECT max(e.evaluated_at) FROM evaluations e WHERE e.session_id = s.id),
               -- a make-up is due since what it makes up for is excused
               (SELECT max(m.closed_at) FROM participants p, LATERAL made_up_for(p) m
                WHERE p.id = l.participant_id AND p.makes_up_id IS NOT NULL
                  AND is_excused(m, 'infinity')))
    FROM links_as_of('infinity', since, until) l JOIN sessions s ON s.id = l.session_id
    WHERE s.closed_at IS NOT NULL AND (ids IS NULL OR s.id = ANY(ids))
$$;

DROP TRIGGER refresh ON sessions;
CREATE OR REPLACE FUNCTION session_refreshes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_links(ARRAY[NEW.id]);
    IF is_excused(NEW, 'infinity') THEN          -- what made up for it may count by itself now
        PERFORM refresh_links(ARRAY(
            SELECT DISTINCT m.session_id
            FROM participants o JOIN participants n ON n.makes_up_id = o.id,
                 LATERAL standing_in(n) m
            WHERE o.session_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refresh
    AFTER UPDATE OF state, cancel_cause, closed_at, on_day, starts_at, ends_at, subject, interactive
    ON sessions FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION session_refreshes();

CREATE OR REPLACE FUNCTION attendance_is_stale(s sessions) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (s).state IN ('ended', 'missed', 'cancelled') AND EXISTS (
        SELECT FROM participants p
        LEFT JOIN LATERAL (SELECT * FROM attendance n WHERE n.participant_id = p.id
                           ORDER BY n.revision DESC LIMIT 1) a ON true
        WHERE p.session_id = (s).id
          AND (p.role = 'receiving' OR ((s).kind = 'research' AND p.teacher_id IS NOT NULL))
          AND (a.revision IS NULL
               OR a.evidence_seen < (
                   SELECT count(*) FROM evidence e WHERE e.participant_id = p.id
                       AND e.from_at BETWEEN (s).starts_at - interval '1 day'
                                         AND (s).ends_at + interval '1 day')
               OR a.counts_seen < (
                   SELECT count(*) FROM head_counts h WHERE h.participant_id = p.id)
               OR (NOT a.valid AND coalesce(a.cause, '') NOT IN ('calendar', 'bureau')
                   AND (EXISTS (
                            SELECT FROM participants n
                            JOIN LATERAL standing_in(n) o ON true
                            JOIN LATERAL (SELECT * FROM attendance n WHERE n.participant_id = o.id
                                          ORDER BY n.revision DESC LIMIT 1) made ON made.valid
                            WHERE n.makes_up_id = p.id)
                        OR EXISTS (
                            SELECT FROM push_facts f
                            WHERE f.source_session_participant = p.id AND f.class_id = p.class_id
                              AND f.watched IS NOT NULL)))))
$$;

ALTER TABLE sessions DROP COLUMN makes_up_id;    -- with its indexes
