-- What registers said at an instant of a day, so that a report of last year counts and names schools,
-- people and classes as they were, whatever became of them since. Each change of a register is kept
-- beside it, with when it became known and from which day on it holds: the first day of the term it
-- is entered in, or between terms of the next one, as a new school year's register is entered some
-- days early or late. What was said before any lesson was over is taken for said from ever on.
-- See docs/decisions/0058-registers-of-the-past.md. And what makes a dashboard of years quick: meetings
-- read from facts as links are, and what members reached in 64 weeks at once.

CREATE SEQUENCE register_versions;
CREATE TABLE school_versions (LIKE schools);
CREATE TABLE teacher_versions (LIKE teachers);
CREATE TABLE class_versions (LIKE class_groups);
CREATE TABLE room_versions (LIKE rooms);         -- its names: what becomes of it is in room_history
ALTER TABLE school_versions
    ADD COLUMN version bigint PRIMARY KEY,
    ADD COLUMN holds_from date NOT NULL,
    ADD COLUMN known_at timestamptz NOT NULL;
ALTER TABLE teacher_versions
    ADD COLUMN version bigint PRIMARY KEY,
    ADD COLUMN holds_from date NOT NULL,
    ADD COLUMN known_at timestamptz NOT NULL;
ALTER TABLE class_versions
    ADD COLUMN version bigint PRIMARY KEY,
    ADD COLUMN holds_from date NOT NULL,
    ADD COLUMN known_at timestamptz NOT NULL;
ALTER TABLE room_versions
    ADD COLUMN version bigint PRIMARY KEY,
    ADD COLUMN holds_from date NOT NULL,
    ADD COLUMN known_at timestamptz NOT NULL;
CREATE INDEX school_versions_by_school ON school_versions (code, version);
CREATE INDEX teacher_versions_by_teacher ON teacher_versions (id, version);
CREATE INDEX class_versions_by_class ON class_versions (id, version);
CREATE INDEX room_versions_by_room ON room_versions (id, version);

-- What links and meetings are made of alone: most changes do not touch it.
CREATE TABLE class_grades (
    version         bigint PRIMARY KEY,
    class_id        text NOT NULL REFERENCES class_groups,
    grade           smallint NOT NULL,
    holds_from      date NOT NULL,
    known_at        timestamptz NOT NULL
);
CREATE INDEX class_grades_by_class ON class_grades (class_id, version);
CREATE TABLE teacher_schools (
    version         bigint PRIMARY KEY,
    teacher_id      text NOT NULL REFERENCES teachers,
    school_code     text NOT NULL,
    holds_from      date NOT NULL,
    known_at        timestamptz NOT NULL
);
CREATE INDEX teacher_schools_by_teacher ON teacher_schools (teacher_id, version);

-- The day from which on holds what is entered at an instant.
CREATE FUNCTION entered_holds_from(at timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT t.starts_on FROM terms t WHERE CAST(at AT TIME ZONE t.zone AS date) <= t.ends_on
         ORDER BY t.starts_on LIMIT 1),
        CAST(at AT TIME ZONE 'Asia/Shanghai' AS date))
$$;

-- Versions of what the registers have none of, as if it had been said from ever on: of registers that
-- are older than this, or loaded past the triggers.
CREATE FUNCTION take_over_registers() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    register record;
BEGIN
    FOR register IN SELECT * FROM (VALUES
        ('schools', 'school_versions', 'code'), ('teachers', 'teacher_versions', 'id'),
        ('class_groups', 'class_versions', 'id'), ('rooms', 'room_versions', 'id'))
        AS r (entered, kept, key)
    LOOP
        EXECUTE format(
            'INSERT INTO %2$I SELECT (jsonb_populate_record(CAST(NULL AS %2$I), to_jsonb(r)'
            ' || jsonb_build_object(''version'', nextval(''register_versions''),'
            ' ''holds_from'', ''-infinity'', ''known_at'', ''-infinity''))).* FROM %1$I r'
            ' WHERE NOT EXISTS (SELECT FROM %2$I v WHERE v.%3$I = r.%3$I)',
            register.entered, register.kept, register.key);
    END LOOP;
    INSERT INTO class_grades
    SELECT v.version, v.id, v.grade, v.holds_from, v.known_at FROM class_versions v
    WHERE NOT EXISTS (SELECT FROM class_grades g WHERE g.class_id = v.id);
    INSERT INTO teacher_schools
    SELECT v.version, v.id, v.school_code, v.holds_from, v.known_at FROM teacher_versions v
    WHERE NOT EXISTS (SELECT FROM teacher_schools t WHERE t.teacher_id = v.id);
END $$;
SELECT take_over_registers();
REVOKE EXECUTE ON FUNCTION take_over_registers FROM PUBLIC;

-- When it is, is said by a setting of the transaction; else it is by the clock.
CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    at timestamptz := coalesce(
        CAST(nullif(current_setting('classroom_sync.at', true), '') AS timestamptz), now());
    from_day date := entered_holds_from(at);
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;                             -- an import says most of it again
    END IF;
    IF NOT EXISTS (SELECT FROM link_facts) THEN  -- no lesson was over
        at := '-infinity';
        from_day := '-infinity';
    END IF;
    EXECUTE format('INSERT INTO %I SELECT * FROM jsonb_populate_record(CAST(NULL AS %1$I), $1)',
                   TG_ARGV[0])
    USING to_jsonb(NEW) || jsonb_build_object(
        'version', nextval('register_versions'), 'holds_from', from_day, 'known_at', at);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON schools
    FOR EACH ROW EXECUTE FUNCTION keep_version('school_versions');
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON teachers
    FOR EACH ROW EXECUTE FUNCTION keep_version('teacher_versions');
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE ON class_groups
    FOR EACH ROW EXECUTE FUNCTION keep_version('class_versions');
CREATE TRIGGER keep_version AFTER INSERT OR UPDATE OF name, kind, phase ON rooms
    FOR EACH ROW EXECUTE FUNCTION keep_version('room_versions');

DROP TRIGGER refresh ON class_groups;
CREATE OR REPLACE FUNCTION register_refreshes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_links(ARRAY(
        SELECT DISTINCT session_id FROM participants WHERE room_id = NEW.id));
    RETURN NULL;
END $$;

CREATE INDEX link_facts_by_class ON link_facts (class_id, on_day);
CREATE FUNCTION keep_grade() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.grade IS DISTINCT FROM (SELECT g.grade FROM class_grades g WHERE g.class_id = NEW.id
                                   ORDER BY g.version DESC LIMIT 1) THEN
        INSERT INTO class_grades VALUES (NEW.version, NEW.id, NEW.grade, NEW.holds_from,
                                         NEW.known_at);
        PERFORM refresh_links(ARRAY(
            SELECT DISTINCT session_id FROM link_facts
            WHERE class_id = NEW.id AND on_day >= NEW.holds_from));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_grade AFTER INSERT ON class_versions
    FOR EACH ROW EXECUTE FUNCTION keep_grade();

CREATE FUNCTION keep_school() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.school_code IS DISTINCT FROM (
            SELECT t.school_code FROM teacher_schools t WHERE t.teacher_id = NEW.id
            ORDER BY t.version DESC LIMIT 1) THEN
        INSERT INTO teacher_schools VALUES (NEW.version, NEW.id, NEW.school_code, NEW.holds_from,
                                            NEW.known_at);
        PERFORM refresh_links(ARRAY(
            SELECT DISTINCT session_id FROM research_facts
            WHERE teacher_id = NEW.id AND on_day >= NEW.holds_from));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_school AFTER INSERT ON teacher_versions
    FOR EACH ROW EXECUTE FUNCTION keep_school();

-- ── What the registers said of a day, as known at an instant ────────────────────────────

-- The newest version that holds on the day; of somebody who is entered from a later day on, the first.
CREATE FUNCTION schools_on(day date, as_of timestamptz) RETURNS SETOF school_versions
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (code) * FROM school_versions WHERE known_at <= as_of
    ORDER BY code, holds_from <= day DESC, CASE WHEN holds_from <= day THEN -version ELSE version END
$$;
CREATE FUNCTION teachers_on(day date, as_of timestamptz) RETURNS SETOF teacher_versions
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (id) * FROM teacher_versions WHERE known_at <= as_of
    ORDER BY id, holds_from <= day DESC, CASE WHEN holds_from <= day THEN -version ELSE version END
$$;
CREATE FUNCTION classes_on(day date, as_of timestamptz) RETURNS SETOF class_versions
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (id) * FROM class_versions WHERE known_at <= as_of
    ORDER BY id, holds_from <= day DESC, CASE WHEN holds_from <= day THEN -version ELSE version END
$$;
CREATE FUNCTION rooms_on(day date, as_of timestamptz) RETURNS SETOF room_versions
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (id) * FROM room_versions WHERE known_at <= as_of
    ORDER BY id, holds_from <= day DESC, CASE WHEN holds_from <= day THEN -version ELSE version END
$$;

-- The grade that a class had on a day; before anything that is known of it, the first that is.
CREATE FUNCTION grade_on(class text, day date, as_of timestamptz) RETURNS SETOF class_grades
LANGUAGE sql STABLE AS $$
    SELECT g.* FROM class_grades g WHERE g.class_id = class
    ORDER BY g.holds_from <= day AND g.known_at <= as_of DESC,
             CASE WHEN g.holds_from <= day AND g.known_at <= as_of THEN -g.version
             ELSE g.version END
    LIMIT 1
$$;

-- The school that a teacher was of, in the same way.
CREATE FUNCTION school_of_teacher(teacher text, day date, as_of timestamptz)
RETURNS SETOF teacher_schools LANGUAGE sql STABLE AS $$
    SELECT t.* FROM teacher_schools t WHERE t.teacher_id = teacher
    ORDER BY t.holds_from <= day AND t.known_at <= as_of DESC,
             CASE WHEN t.holds_from <= day AND t.known_at <= as_of THEN -t.version
             ELSE t.version END
    LIMIT 1
$$;

-- ── Links and meetings: as before, with grades and teachers' schools of their day ───────

CREATE OR REPLACE FUNCTION links_as_of(as_of timestamptz, since date, until date)
RETURNS SETOF link LANGUAGE sql STABLE AS $$
    SELECT p.id, s.id, s.on_day, s.starts_at, s.ends_at, s.state, s.cancel_cause,
           CASE WHEN s.interactive THEN 'interactive' ELSE 'broadcast' END,
           s.subject, g.grade, p.class_id, p.room_id, r.phase, r.school_code, p.teacher_id,
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
    JOIN LATERAL grade_on(p.class_id, s.on_day, as_of) g ON true
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
               (SELECT g.known_at FROM grade_on(l.class_id, l.on_day, 'infinity') g),
               -- a make-up is due since what it makes up for is excused
               (SELECT max(m.closed_at) FROM participants p, LATERAL made_up_for(p) m
                WHERE p.id = l.participant_id AND p.makes_up_id IS NOT NULL
                  AND is_excused(m, 'infinity')))
    FROM links_as_of('infinity', since, until) l JOIN sessions s ON s.id = l.session_id
    WHERE s.closed_at IS NOT NULL AND (ids IS NULL OR s.id = ANY(ids))
$$;

CREATE OR REPLACE FUNCTION research_as_of(as_of timestamptz, since date, until date)
RETURNS SETOF research_place LANGUAGE sql STABLE AS $$
    SELECT s.id, s.on_day, s.starts_at,
           CAST(extract(epoch FROM s.closed_at - s.live_at) AS integer),
           p.id, p.teacher_id, p.school_code, p.receiving, p.id IS NOT NULL
    FROM sessions s LEFT JOIN LATERAL (
        SELECT p.id, p.teacher_id, t.school_code, w.role = 'receiving' AS receiving
        FROM participants p
        JOIN LATERAL school_of_teacher(p.teacher_id, s.on_day, as_of) t ON true
        JOIN schools w ON w.code = t.school_code
        JOIN LATERAL (SELECT n.status FROM attendance n
                      WHERE n.participant_id = p.id AND n.derived_at <= as_of
                      ORDER BY n.revision DESC LIMIT 1) a ON a.status IN ('full', 'partial')
        WHERE p.session_id = s.id) p ON true
    WHERE s.kind = 'research' AND s.state = 'ended' AND s.closed_at <= as_of
      AND s.on_day BETWEEN since AND until
$$;

GRANT SELECT ON school_versions, teacher_versions, class_versions, room_versions, class_grades,
    teacher_schools TO classroom_sync_app;

-- ── Meetings, as link_facts has links ───────────────────────────────────────────────────

CREATE TABLE research_facts (LIKE research_place);
ALTER TABLE research_facts
    ADD COLUMN known_at timestamptz NOT NULL;    -- of a session: when the last of it became known
CREATE INDEX research_facts_by_day ON research_facts (on_day);
CREATE INDEX research_facts_by_session ON research_facts (session_id);
CREATE INDEX research_facts_by_knowledge ON research_facts (known_at);
CREATE INDEX research_facts_by_teacher ON research_facts (teacher_id, on_day);

-- What research_facts has to hold for some sessions.
CREATE FUNCTION research_facts_of(ids uuid[], since date, until date) RETURNS SETOF research_facts
LANGUAGE sql STABLE AS $$
    SELECT r.*, max(greatest(
               s.closed_at,
               (SELECT t.known_at FROM school_of_teacher(r.teacher_id, r.on_day, 'infinity') t),
               (SELECT max(a.derived_at) FROM participants p
                JOIN attendance a ON a.participant_id = p.id
                WHERE p.session_id = s.id))) OVER (PARTITION BY r.session_id)
    FROM research_as_of('infinity', since, until) r JOIN sessions s ON s.id = r.session_id
    WHERE ids IS NULL OR r.session_id = ANY(ids)
$$;

CREATE OR REPLACE FUNCTION refresh_links(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- One refresh of a session at a time, each seeing what those before it committed.
    PERFORM FROM sessions WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM link_facts WHERE session_id = ANY(ids);
    INSERT INTO link_facts
    SELECT f.* FROM (SELECT min(on_day) AS first, max(on_day) AS last
                     FROM sessions WHERE id = ANY(ids)) d,
                    LATERAL link_facts_of(ids, d.first, d.last) f;
    DELETE FROM research_facts WHERE session_id = ANY(ids);
    INSERT INTO research_facts
    SELECT f.* FROM (SELECT min(on_day) AS first, max(on_day) AS last
                     FROM sessions WHERE id = ANY(ids) AND kind = 'research') d,
                    LATERAL research_facts_of(ids, d.first, d.last) f;
END $$;

-- Meetings as known at an instant, as research_as_of() has them.
CREATE FUNCTION research_known(as_of timestamptz, since date, until date)
RETURNS SETOF research_place LANGUAGE sql STABLE AS $$
    SELECT f.session_id, f.on_day, f.starts_at, f.seconds, f.participant_id, f.teacher_id,
           f.school_code, f.receiving, f.attended
    FROM research_facts f WHERE f.on_day BETWEEN since AND until AND f.known_at <= as_of
    UNION ALL
    SELECT r.* FROM research_as_of(as_of, since, until) r
    WHERE r.session_id = ANY(ARRAY(SELECT session_id FROM research_facts WHERE known_at > as_of))
$$;

INSERT INTO research_facts
SELECT f.* FROM (SELECT min(on_day) AS first, max(on_day) AS last
                 FROM sessions WHERE kind = 'research') d,
                LATERAL research_facts_of(NULL, d.first, d.last) f;

-- ── What members reached in 64 weeks, a bit a week ──────────────────────────────────────

-- Of the blocks that are put together; of others bits may be there that say nothing any more.
CREATE TABLE rollup_reach (
    span            date,                        -- its first Monday
    school_code     text,
    kind            text,
    member          text,
    weeks           bigint NOT NULL,             -- bit n: reached in the span's week n, from 0 on
    PRIMARY KEY (span, kind, school_code, member)
);

CREATE FUNCTION span_of(monday date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT monday - mod(monday - date '2000-01-03', 448)
$$;

CREATE FUNCTION reach_of(of date)
RETURNS TABLE (span date, school_code text, kind text, member text, weeks bigint)
LANGUAGE sql STABLE AS $$
    SELECT of, m.school_code, m.kind, m.member, bit_or(CAST(m.weeks AS bigint) << ((m.block - of) / 7))
    FROM rollup_block_members m WHERE m.block BETWEEN of AND of + 447
    GROUP BY m.school_code, m.kind, m.member
$$;

CREATE OR REPLACE FUNCTION roll_up_block(of date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('roll-up'), of - date '2000-01-01');
    PERFORM pg_advisory_xact_lock(hashtext('reach'), span_of(of) - date '2000-01-01');
    DELETE FROM rollup_blocks WHERE block = of;
    INSERT INTO rollup_blocks VALUES (of);
    INSERT INTO rollup_block_members SELECT * FROM block_members(of);
    DELETE FROM rollup_reach WHERE span = span_of(of);
    INSERT INTO rollup_reach SELECT * FROM reach_of(span_of(of));
END $$;

INSERT INTO rollup_reach
SELECT r.* FROM (SELECT DISTINCT span_of(block) AS span FROM rollup_blocks) s,
                LATERAL reach_of(s.span) r;

-- ── Weeks that are not rolled up ────────────────────────────────────────────────────────

-- The sums, make-ups and members of the days from one to another that lie in some weeks, from their
-- links. Where there are no such weeks nothing is planned, which takes longer than reading others.
CREATE FUNCTION late_sums(
    as_of timestamptz, since date, until date, weeks date[], delay_limit real, loss_limit real)
RETURNS SETOF rollup_sums LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF cardinality(weeks) > 0 THEN
        RETURN QUERY
        SELECT c.* FROM unnest(weeks) AS w (first_day),
            LATERAL week_sums(as_of, greatest(w.first_day, since), least(w.first_day + 6, until),
                              delay_limit, loss_limit) c;
    END IF;
END $$;
CREATE FUNCTION late_makeups(as_of timestamptz, since date, until date, weeks date[])
RETURNS SETOF rollup_makeups LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF cardinality(weeks) > 0 THEN
        RETURN QUERY
        SELECT c.* FROM unnest(weeks) AS w (first_day),
            LATERAL week_makeups(as_of, greatest(w.first_day, since),
                                 least(w.first_day + 6, until)) c;
    END IF;
END $$;
CREATE FUNCTION late_members(as_of timestamptz, since date, until date, weeks date[])
RETURNS SETOF rollup_members LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF cardinality(weeks) > 0 THEN
        RETURN QUERY
        SELECT c.* FROM unnest(weeks) AS w (first_day),
            LATERAL week_members(as_of, greatest(w.first_day, since),
                                 least(w.first_day + 6, until)) c;
    END IF;
END $$;

REVOKE EXECUTE ON FUNCTION refresh_links, roll_up_block FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_links, roll_up_block TO classroom_sync_app;
GRANT SELECT ON research_facts, rollup_reach TO classroom_sync_app;
