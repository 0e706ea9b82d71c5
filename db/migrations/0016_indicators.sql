-- What the sixteen indicators need beside sessions and attendance, and the links they are counted
-- from, as they were known at any instant.

ALTER TABLE attendance
    ADD COLUMN makeup_due_on date,               -- last day to make up for it; null: nothing is due
    ADD COLUMN made_up_on date,
    ADD COLUMN made_up_by uuid,                  -- the link, or the push, that made up for it
    ADD COLUMN delay_p95_ms real,                -- one way, half of the round trip; null: unmeasured
    ADD COLUMN loss_p95 real CHECK (loss_p95 BETWEEN 0 AND 1),
    ADD COLUMN evidence_seen integer,            -- rows it was derived from; null: before they were
    ADD COLUMN counts_seen integer;              -- counted

CREATE TABLE declared_needs (                    -- what a school can't give in full (DOMAIN, 10)
    school_code     text NOT NULL REFERENCES schools,
    subject         text NOT NULL REFERENCES subjects,
    grade           smallint NOT NULL CHECK (grade BETWEEN 1 AND 9),
    declared_on     date NOT NULL,
    declared_by     text NOT NULL,
    withdrawn_on    date CHECK (withdrawn_on > declared_on),          -- from then on it gives it itself
    PRIMARY KEY (school_code, subject, grade, declared_on)
);

CREATE TABLE evaluations (                       -- a session evaluated 评课 (DOMAIN, 14)
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    evaluated_by    text NOT NULL,
    evaluated_at    timestamptz NOT NULL DEFAULT now(),
    score           real NOT NULL CHECK (score BETWEEN 0 AND 100)
);
CREATE INDEX evaluations_by_session ON evaluations (session_id, evaluated_at);

-- Rooms that count toward the targets, and since when.
CREATE VIEW room_counts AS
    SELECT id AS room_id, accepted_on AS counts_from FROM rooms WHERE status = 'accepted';

-- Each push to a class, with when it was fetched, opened and watched (null: not yet), and the link
-- that it makes up for, if any. Empty until there are pushes.
CREATE VIEW push_facts AS
    SELECT CAST(NULL AS uuid) AS push_id, CAST(NULL AS text) AS class_id,
           CAST(NULL AS text) AS school_code, CAST(NULL AS date) AS sent_on,
           CAST(NULL AS timestamptz) AS fetched, CAST(NULL AS timestamptz) AS opened,
           CAST(NULL AS timestamptz) AS watched, CAST(NULL AS uuid) AS source_session_participant
    WHERE false;

-- A link (session x receiving room) of a live lesson with what became of it.
CREATE TYPE link AS (
    participant_id  uuid,
    session_id      uuid,
    on_day          date,
    starts_at       timestamptz,
    ends_at         timestamptz,
    state           text,
    cancel_cause    text,
    mode            text,                        -- interactive | broadcast
    subject         text,
    grade           smallint,
    class_id        text,
    room_id         text,
    phase           smallint,
    school_code     text,
    assistant_id    text,
    lead_room_id    text,
    lead_teacher_id text,
    hub_code        text,
    due             boolean,                     -- over, to be held, and no make-up of another link
    evaluated       boolean,
    status          text,                        -- from here on null: attendance not derived yet
    valid           boolean,
    lasted          boolean,                     -- there for the minutes that a valid link needs
    seconds         integer,
    planned_seconds integer,
    interruptions   integer,
    expected        integer,
    present         integer,
    took_floor      boolean,
    cause           text,
    makeup_due_on   date,
    made_up_on      date,
    made_up_by      uuid,
    delay_p95_ms    real,
    loss_p95        real,
    rules_version   text
);

-- Whether calendar or bureau had cancelled a session by an instant: nothing is due of it.
CREATE FUNCTION is_excused(s sessions, as_of timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT (s).cancel_cause IS NOT NULL AND (s).cancel_cause IN ('calendar', 'bureau')
           AND (s).closed_at <= as_of
$$;

-- The sessions that a make-up makes up for: the original, and where that is a make-up too, its own.
CREATE FUNCTION made_up_for(makeup sessions) RETURNS SETOF sessions LANGUAGE sql STABLE AS $$
    WITH RECURSIVE up AS (
        SELECT o.* FROM sessions o WHERE o.id = (makeup).makes_up_id
        UNION ALL SELECT o.* FROM up JOIN sessions o ON o.id = up.makes_up_id)
    SELECT * FROM up
$$;

-- What is held in a make-up's place: itself, or where calendar or bureau cancelled it, its make-ups.
CREATE FUNCTION standing_in(makeup sessions) RETURNS SETOF sessions LANGUAGE sql STABLE AS $$
    WITH RECURSIVE down AS (
        SELECT (makeup).*
        UNION ALL SELECT m.* FROM down JOIN sessions m ON m.makes_up_id = down.id
                  WHERE down.cancel_cause IN ('calendar', 'bureau'))
    SELECT * FROM down
$$;

-- Links in [since, until] as known at an instant: what was derived, cancelled or evaluated later is
-- not seen. A make-up's link is not due when its class had a link in a lesson made up for, unless
-- that is excused: that one carries the result, so that it counts once (DOMAIN, 9).
CREATE FUNCTION links_as_of(as_of timestamptz, since date, until date) RETURNS SETOF link
LANGUAGE sql STABLE AS $$
    SELECT p.id, s.id, s.on_day, s.starts_at, s.ends_at, s.state, s.cancel_cause,
           CASE WHEN s.interactive THEN 'interactive' ELSE 'broadcast' END,
           s.subject, c.grade, p.class_id, p.room_id, r.phase, r.school_code, p.teacher_id,
           lead.room_id, lead.teacher_id, lr.school_code,
           (s.ends_at <= as_of OR s.closed_at <= as_of)
               AND NOT is_excused(s, as_of)
               AND NOT (s.makes_up_id IS NOT NULL AND EXISTS (
                   SELECT FROM made_up_for(s) m
                   JOIN participants o ON o.session_id = m.id AND o.class_id = p.class_id
                   WHERE NOT is_excused(m, as_of))),
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

-- A date as the month or the calendar week that it counts for: "2026-09", or its Monday.
CREATE FUNCTION day_key(dimension text, day date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE dimension
        WHEN 'month' THEN extract(year FROM day) || '-' || lpad(CAST(extract(month FROM day) AS text), 2, '0')
        WHEN 'week' THEN CAST(day - CAST(extract(isodow FROM day) AS integer) + 1 AS text)
    END
$$;

-- What a link counts for when figures are told apart by a dimension, or by calendar week.
CREATE FUNCTION link_key(dimension text, l link) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE dimension
        WHEN 'city' THEN ''
        WHEN 'school' THEN (l).school_code
        WHEN 'room' THEN (l).room_id
        WHEN 'hub' THEN (l).hub_code
        WHEN 'subject' THEN (l).subject
        WHEN 'teacher' THEN (l).lead_teacher_id
        WHEN 'mode' THEN (l).mode
        WHEN 'month' THEN day_key('month', (l).on_day)
        WHEN 'phase' THEN CAST((l).phase AS text)
        WHEN 'week' THEN day_key('week', (l).on_day)
    END
$$;

-- Teachers in research meetings that were held, as known at an instant; a meeting that nobody is
-- known to have attended has one row without a teacher.
CREATE TYPE research_place AS (
    session_id      uuid,
    on_day          date,
    starts_at       timestamptz,
    seconds         integer,                     -- from its beginning to its end
    participant_id  uuid,
    teacher_id      text,
    school_code     text,
    receiving       boolean,                     -- whether the teacher is of a receiving school
    attended        boolean
);
CREATE FUNCTION research_as_of(as_of timestamptz, since date, until date)
RETURNS SETOF research_place LANGUAGE sql STABLE AS $$
    SELECT s.id, s.on_day, s.starts_at,
           CAST(extract(epoch FROM s.closed_at - s.live_at) AS integer),
           p.id, p.teacher_id, t.school_code, w.role = 'receiving', p.id IS NOT NULL
    FROM sessions s
    LEFT JOIN (participants p
               JOIN teachers t ON t.id = p.teacher_id
               JOIN schools w ON w.code = t.school_code)
        ON p.session_id = s.id
        AND (SELECT n.status IN ('full', 'partial') FROM attendance n
             WHERE n.participant_id = p.id AND n.derived_at <= as_of
             ORDER BY n.revision DESC LIMIT 1)
    WHERE s.kind = 'research' AND s.state = 'ended' AND s.closed_at <= as_of
      AND s.on_day BETWEEN since AND until
$$;

CREATE FUNCTION research_key(dimension text, r research_place) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE dimension
        WHEN 'city' THEN ''
        WHEN 'school' THEN CASE WHEN (r).receiving THEN (r).school_code END
        WHEN 'mode' THEN 'research'
        ELSE day_key(dimension, (r).on_day)
    END
$$;

-- Whether a finished session has a link whose newest attendance is missing, has not seen all evidence
-- and head counts, or does not know of a make-up. Rows are counted: their times can't be relied on,
-- as a transaction may begin before a derivation and end after it.
CREATE FUNCTION attendance_is_stale(s sessions) RETURNS boolean LANGUAGE sql STABLE AS $$
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
                            SELECT FROM sessions n
                            JOIN LATERAL standing_in(n) m ON true
                            JOIN participants o
                                ON o.session_id = m.id AND o.class_id = p.class_id
                                AND o.role = 'receiving'
                            JOIN LATERAL (SELECT * FROM attendance n WHERE n.participant_id = o.id
                                          ORDER BY n.revision DESC LIMIT 1) made ON made.valid
                            WHERE n.makes_up_id = (s).id)
                        OR EXISTS (
                            SELECT FROM push_facts f
                            WHERE f.source_session_participant = p.id AND f.class_id = p.class_id
                              AND f.watched IS NOT NULL)))))
$$;

CREATE INDEX head_counts_by_time ON head_counts (counted_at);
CREATE INDEX sessions_by_day ON sessions (on_day);
CREATE INDEX makeups_by_original ON sessions (makes_up_id) WHERE makes_up_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON declared_needs TO classroom_sync_app;
GRANT SELECT, INSERT ON evaluations TO classroom_sync_app;
GRANT SELECT ON room_counts, push_facts TO classroom_sync_app;
