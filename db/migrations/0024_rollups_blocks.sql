-- What makes reports of many rooms and weeks quick: sets of eight weeks at once, figures of weeks
-- that need no set, and research meetings read from their sessions on.

CREATE INDEX meetings_by_day ON sessions (on_day) WHERE kind = 'research';
CREATE INDEX participants_by_session ON participants (session_id);

CREATE OR REPLACE FUNCTION research_as_of(as_of timestamptz, since date, until date)
RETURNS SETOF research_place LANGUAGE sql STABLE AS $$
    SELECT s.id, s.on_day, s.starts_at,
           CAST(extract(epoch FROM s.closed_at - s.live_at) AS integer),
           p.id, p.teacher_id, p.school_code, p.receiving, p.id IS NOT NULL
    FROM sessions s LEFT JOIN LATERAL (
        SELECT p.id, p.teacher_id, t.school_code, w.role = 'receiving' AS receiving
        FROM participants p
        JOIN teachers t ON t.id = p.teacher_id
        JOIN schools w ON w.code = t.school_code
        JOIN LATERAL (SELECT n.status FROM attendance n
                      WHERE n.participant_id = p.id AND n.derived_at <= as_of
                      ORDER BY n.revision DESC LIMIT 1) a ON a.status IN ('full', 'partial')
        WHERE p.session_id = s.id) p ON true
    WHERE s.kind = 'research' AND s.state = 'ended' AND s.closed_at <= as_of
      AND s.on_day BETWEEN since AND until
$$;

-- What valid links reached in each week, by receiving school; `most`: a class's largest head count.
-- Rooms that lead, and teachers whatever they did, are the city's (school_code '').
CREATE OR REPLACE FUNCTION week_members(as_of timestamptz, since date, until date)
RETURNS TABLE (monday date, school_code text, kind text, member text, most integer)
LANGUAGE sql STABLE AS $$
    SELECT monday_of(l.on_day), m.school_code, m.kind, m.member,
           max(CASE WHEN m.kind = 'class' THEN l.present END)
    FROM links_known(as_of, since, until) l,
         LATERAL (VALUES ('room', l.school_code, l.room_id),
                         ('lead', l.school_code, l.lead_teacher_id),
                         ('assistant', l.school_code, l.assistant_id),
                         ('class', l.school_code, l.class_id),
                         ('grade', l.school_code, l.subject || '/' || l.grade),
                         ('lead_room', '', l.lead_room_id),
                         ('teacher', '', l.lead_teacher_id),
                         ('teacher', '', l.assistant_id)) AS m (kind, school_code, member)
    WHERE l.due AND l.valid AND m.member IS NOT NULL
    GROUP BY monday_of(l.on_day), m.school_code, m.kind, m.member
$$;

CREATE TABLE rollup_sets (                       -- sizes of the city's sets in a week
    monday          date PRIMARY KEY,
    leads           bigint NOT NULL,
    assistants      bigint NOT NULL,
    teachers        bigint NOT NULL,
    pupils          bigint NOT NULL
);

-- The sizes of the sets of a week's members.
CREATE FUNCTION week_sets(week date)
RETURNS TABLE (monday date, leads bigint, assistants bigint, teachers bigint, pupils bigint)
LANGUAGE sql STABLE AS $$
    SELECT week, count(DISTINCT member) FILTER (WHERE kind = 'lead'),
           count(DISTINCT member) FILTER (WHERE kind = 'assistant'),
           count(*) FILTER (WHERE kind = 'teacher'),
           coalesce(sum(most) FILTER (WHERE kind = 'class'), 0)
    FROM rollup_members m WHERE m.monday = week
$$;

CREATE TABLE rollup_blocks (                     -- eight weeks, from a Monday on
    block           date PRIMARY KEY
);
CREATE TABLE rollup_block_members (              -- what any of their weeks reached
    block           date REFERENCES rollup_blocks ON DELETE CASCADE,
    school_code     text,
    kind            text,
    member          text,
    most            integer,
    PRIMARY KEY (block, kind, school_code, member)
);

CREATE FUNCTION block_of(monday date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT monday - mod(monday - date '2000-01-03', 56)
$$;

CREATE OR REPLACE FUNCTION roll_up(week date, delay real, loss real) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('roll-up'), block_of(week) - date '2000-01-01');
    DELETE FROM changed_weeks WHERE monday = week;
    DELETE FROM rollup_blocks WHERE block = block_of(week);
    DELETE FROM rollup_weeks WHERE monday = week;
    DELETE FROM rollup_sums WHERE monday = week;
    DELETE FROM rollup_makeups WHERE monday = week;
    DELETE FROM rollup_members WHERE monday = week;
    DELETE FROM rollup_sets WHERE monday = week;
    INSERT INTO rollup_weeks
    SELECT week, min(on_day), max(on_day), coalesce(max(known_at), '-infinity'), delay, loss
    FROM link_facts WHERE on_day BETWEEN week AND week + 6;
    INSERT INTO rollup_sums SELECT * FROM week_sums('infinity', week, week + 6, delay, loss);
    INSERT INTO rollup_makeups SELECT * FROM week_makeups('infinity', week, week + 6);
    INSERT INTO rollup_members SELECT * FROM week_members('infinity', week, week + 6);
    INSERT INTO rollup_sets SELECT * FROM week_sets(week);
END $$;

-- Put the members of a block's weeks together.
CREATE FUNCTION roll_up_block(of date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('roll-up'), of - date '2000-01-01');
    DELETE FROM rollup_blocks WHERE block = of;
    INSERT INTO rollup_blocks VALUES (of);
    INSERT INTO rollup_block_members
    SELECT of, school_code, kind, member, max(most) FROM rollup_members
    WHERE monday BETWEEN of AND of + 55 GROUP BY school_code, kind, member;
END $$;

INSERT INTO changed_weeks (monday) SELECT monday FROM rollup_weeks;
DELETE FROM rollup_weeks;

REVOKE EXECUTE ON FUNCTION roll_up, roll_up_block FROM PUBLIC;
GRANT EXECUTE ON FUNCTION roll_up, roll_up_block TO classroom_sync_app;
GRANT SELECT ON rollup_sets, rollup_blocks, rollup_block_members TO classroom_sync_app;
