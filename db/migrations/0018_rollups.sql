-- Figures of years in the time of figures of days. `link_facts` has every link of a finished session
-- as links_as_of() gives it, kept by triggers in the transaction that changes it; roll-ups have whole
-- weeks of them added up. Each can be derived again by the function that filled it, and a report
-- reads no roll-up that is older than what is in it: weeks that changed since are read from the
-- links themselves, and links that changed after the instant a report looks from, from their history.

CREATE TABLE link_facts (LIKE link);             -- the columns of the type, in its order
ALTER TABLE link_facts
    ADD COLUMN known_at timestamptz NOT NULL,    -- when the last of what is in it became known
    ADD PRIMARY KEY (participant_id);
CREATE INDEX link_facts_by_day ON link_facts (on_day);
CREATE INDEX link_facts_by_school ON link_facts (school_code, on_day);
CREATE INDEX link_facts_by_session ON link_facts (session_id);
CREATE INDEX link_facts_by_knowledge ON link_facts (known_at);

-- What link_facts has to hold for some sessions.
CREATE FUNCTION link_facts_of(ids uuid[], since date, until date) RETURNS SETOF link_facts
LANGUAGE sql STABLE AS $$
    SELECT l.*, greatest(
               s.closed_at,
               (SELECT max(a.derived_at) FROM attendance a
                WHERE a.participant_id = l.participant_id),
               (SELECT max(e.evaluated_at) FROM evaluations e WHERE e.session_id = s.id),
               CASE WHEN s.makes_up_id IS NOT NULL THEN  -- it is due since the original is excused
                   (SELECT max(m.closed_at) FROM made_up_for(s) m WHERE is_excused(m, 'infinity'))
               END)
    FROM links_as_of('infinity', since, until) l JOIN sessions s ON s.id = l.session_id
    WHERE s.closed_at IS NOT NULL AND (ids IS NULL OR s.id = ANY(ids))
$$;

CREATE FUNCTION refresh_links(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- One refresh of a session at a time, each seeing what those before it committed.
    PERFORM FROM sessions WHERE id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM link_facts WHERE session_id = ANY(ids);
    INSERT INTO link_facts
    SELECT f.* FROM (SELECT min(on_day) AS first, max(on_day) AS last
                     FROM sessions WHERE id = ANY(ids)) d,
                    LATERAL link_facts_of(ids, d.first, d.last) f;
END $$;

CREATE FUNCTION attendance_refreshes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_links(ARRAY(SELECT DISTINCT session_id FROM written));
    RETURN NULL;
END $$;
CREATE TRIGGER refresh AFTER INSERT ON attendance REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION attendance_refreshes();
CREATE TRIGGER refresh AFTER INSERT ON evaluations REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION attendance_refreshes();

CREATE FUNCTION session_refreshes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_links(ARRAY[NEW.id]);
    IF is_excused(NEW, 'infinity') THEN          -- what made up for it may count by itself now
        PERFORM refresh_links(ARRAY(SELECT m.id FROM sessions n, LATERAL standing_in(n) m
                                    WHERE n.makes_up_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refresh
    AFTER UPDATE OF state, cancel_cause, closed_at, on_day, starts_at, ends_at, subject,
                    interactive, makes_up_id ON sessions
    FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION session_refreshes();

CREATE FUNCTION register_refreshes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_links(ARRAY(
        SELECT DISTINCT session_id FROM participants
        WHERE CASE TG_TABLE_NAME WHEN 'rooms' THEN room_id ELSE class_id END = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER refresh AFTER UPDATE OF school_code, phase ON rooms
    FOR EACH ROW WHEN ((OLD.school_code, OLD.phase) IS DISTINCT FROM (NEW.school_code, NEW.phase))
    EXECUTE FUNCTION register_refreshes();
CREATE TRIGGER refresh AFTER UPDATE OF grade ON class_groups
    FOR EACH ROW WHEN (OLD.grade IS DISTINCT FROM NEW.grade) EXECUTE FUNCTION register_refreshes();

CREATE FUNCTION monday_of(day date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT day - CAST(extract(isodow FROM day) AS integer) + 1
$$;

-- Weeks that changed since they were rolled up. Marks are only ever added, and taken away with what
-- was visible of them: a change that is committed meanwhile leaves its mark for the next time.
CREATE TABLE changed_weeks (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    monday          date NOT NULL
);
CREATE INDEX changed_weeks_by_monday ON changed_weeks (monday);

CREATE FUNCTION links_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO changed_weeks (monday) SELECT DISTINCT monday_of(on_day) FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_added AFTER INSERT ON link_facts REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION links_changed();
CREATE TRIGGER mark_removed AFTER DELETE ON link_facts REFERENCING OLD TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION links_changed();

-- Links as known at an instant, as links_as_of() has them: those that nothing happened to since from
-- link_facts; those of sessions that should be over and are not closed, and those that changed
-- later, from their history.
CREATE FUNCTION links_known(as_of timestamptz, since date, until date) RETURNS SETOF link
LANGUAGE sql STABLE AS $$
    SELECT f.participant_id, f.session_id, f.on_day, f.starts_at, f.ends_at, f.state,
           f.cancel_cause, f.mode, f.subject, f.grade, f.class_id, f.room_id, f.phase,
           f.school_code, f.assistant_id, f.lead_room_id, f.lead_teacher_id, f.hub_code, f.due,
           f.evaluated, f.status, f.valid, f.lasted, f.seconds, f.planned_seconds,
           f.interruptions, f.expected, f.present, f.took_floor, f.cause, f.makeup_due_on,
           f.made_up_on, f.made_up_by, f.delay_p95_ms, f.loss_p95, f.rules_version
    FROM link_facts f
    WHERE f.on_day BETWEEN since AND until AND f.known_at <= as_of
    UNION ALL
    SELECT l.* FROM links_as_of(as_of, since, until) l
    WHERE l.session_id = ANY(ARRAY(
              SELECT id FROM sessions
              WHERE state IN ('scheduled', 'open', 'live') AND ends_at <= as_of
                AND starts_at < as_of
              UNION SELECT session_id FROM link_facts WHERE known_at > as_of))
      AND NOT EXISTS (SELECT FROM link_facts f
                      WHERE f.participant_id = l.participant_id AND f.known_at <= as_of)
$$;

-- The sums over due links of each week, of the city (school_code '') and of each receiving school.
CREATE FUNCTION week_sums(
    as_of timestamptz, since date, until date, delay_limit real, loss_limit real)
RETURNS TABLE (
    monday date, school_code text, due bigint, delivered bigint, led bigint, evaluated bigint,
    pupil_times bigint, expected bigint, present bigint, interactive bigint, responded bigint,
    started bigint, interrupted bigint, measured bigint, within_limits bigint)
LANGUAGE sql STABLE AS $$
    SELECT monday_of(l.on_day), coalesce(l.school_code, ''),
           count(*),
           count(*) FILTER (WHERE valid),
           count(DISTINCT session_id) FILTER (WHERE valid),
           count(DISTINCT session_id) FILTER (WHERE valid AND l.evaluated),
           coalesce(sum(l.present) FILTER (WHERE valid), 0),
           coalesce(sum(l.expected), 0),
           coalesce(sum(l.present), 0),
           count(*) FILTER (WHERE mode = 'interactive' AND lasted),
           count(*) FILTER (WHERE mode = 'interactive' AND lasted AND took_floor),
           count(*) FILTER (WHERE seconds > 0),
           count(*) FILTER (WHERE seconds > 0 AND interruptions > 0),
           count(delay_p95_ms),
           count(*) FILTER (WHERE delay_p95_ms <= delay_limit AND loss_p95 <= loss_limit)
    FROM links_known(as_of, since, until) l
    WHERE l.due
    GROUP BY GROUPING SETS ((monday_of(l.on_day)), (monday_of(l.on_day), l.school_code))
$$;

-- Make-ups owed for the links of each week, by their deadline.
CREATE FUNCTION week_makeups(as_of timestamptz, since date, until date)
RETURNS TABLE (monday date, school_code text, makeup_due_on date, required bigint, in_time bigint)
LANGUAGE sql STABLE AS $$
    SELECT monday_of(l.on_day), l.school_code, l.makeup_due_on, count(*),
           count(*) FILTER (WHERE l.made_up_on <= l.makeup_due_on)
    FROM links_known(as_of, since, until) l
    WHERE l.due AND l.makeup_due_on IS NOT NULL
    GROUP BY monday_of(l.on_day), l.school_code, l.makeup_due_on
$$;

-- What valid links reached in each week, by receiving school; `most`: a class's largest head count.
CREATE FUNCTION week_members(as_of timestamptz, since date, until date)
RETURNS TABLE (monday date, school_code text, kind text, member text, most integer)
LANGUAGE sql STABLE AS $$
    SELECT monday_of(l.on_day), l.school_code, m.kind, m.member,
           max(CASE WHEN m.kind = 'class' THEN l.present END)
    FROM links_known(as_of, since, until) l,
         LATERAL (VALUES ('room', l.room_id), ('lead_room', l.lead_room_id),
                         ('lead', l.lead_teacher_id), ('assistant', l.assistant_id),
                         ('class', l.class_id), ('grade', l.subject || '/' || l.grade))
             AS m (kind, member)
    WHERE l.due AND l.valid AND m.member IS NOT NULL
    GROUP BY monday_of(l.on_day), l.school_code, m.kind, m.member
$$;

CREATE TABLE rollup_weeks (                      -- weeks that are rolled up
    monday          date PRIMARY KEY,
    first_day       date,                        -- of its links; null: there are none
    last_day        date,
    known_at        timestamptz NOT NULL,        -- when the last of what is in it became known
    delay_limit     real NOT NULL,               -- what `within_limits` is held to
    loss_limit      real NOT NULL
);
CREATE TABLE rollup_sums (
    monday date, school_code text, due bigint, delivered bigint, led bigint, evaluated bigint,
    pupil_times bigint, expected bigint, present bigint, interactive bigint, responded bigint,
    started bigint, interrupted bigint, measured bigint, within_limits bigint,
    PRIMARY KEY (monday, school_code)
);
CREATE TABLE rollup_makeups (
    monday date, school_code text, makeup_due_on date, required bigint, in_time bigint,
    PRIMARY KEY (monday, school_code, makeup_due_on)
);
CREATE TABLE rollup_members (
    monday date, school_code text, kind text, member text, most integer,
    PRIMARY KEY (monday, kind, school_code, member)
);

-- What a row of a roll-up counts for.
CREATE FUNCTION rolled_key(told_apart_by text, monday date, school_code text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE told_apart_by
        WHEN 'city' THEN '' WHEN 'school' THEN school_code WHEN 'week' THEN CAST(monday AS text) END
$$;

-- Add up one week anew.
CREATE FUNCTION roll_up(week date, delay real, loss real) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('roll-up'), week - date '2000-01-01');
    DELETE FROM changed_weeks WHERE monday = week;
    DELETE FROM rollup_weeks WHERE monday = week;
    DELETE FROM rollup_sums WHERE monday = week;
    DELETE FROM rollup_makeups WHERE monday = week;
    DELETE FROM rollup_members WHERE monday = week;
    INSERT INTO rollup_weeks
    SELECT week, min(on_day), max(on_day), coalesce(max(known_at), '-infinity'), delay, loss
    FROM link_facts WHERE on_day BETWEEN week AND week + 6;
    INSERT INTO rollup_sums SELECT * FROM week_sums('infinity', week, week + 6, delay, loss);
    INSERT INTO rollup_makeups SELECT * FROM week_makeups('infinity', week, week + 6);
    INSERT INTO rollup_members SELECT * FROM week_members('infinity', week, week + 6);
END $$;

-- Weeks of a period that a report may read from the roll-ups: nothing in them is newer than the
-- instant it looks from or changed since, and they have no link outside of the period.
CREATE FUNCTION whole_weeks(
    as_of timestamptz, since date, until date, delay_limit real, loss_limit real)
RETURNS SETOF date LANGUAGE sql STABLE AS $$
    SELECT w.monday FROM rollup_weeks w
    WHERE w.monday BETWEEN monday_of(since) AND until
      AND (w.first_day IS NULL OR (w.first_day >= since AND w.last_day <= until))
      AND w.known_at <= as_of
      AND w.delay_limit = whole_weeks.delay_limit AND w.loss_limit = whole_weeks.loss_limit
      AND NOT EXISTS (SELECT FROM changed_weeks c WHERE c.monday = w.monday)
      AND NOT EXISTS (SELECT FROM sessions s
                      WHERE s.state IN ('scheduled', 'open', 'live')
                        AND s.on_day BETWEEN w.monday AND w.monday + 6)
$$;

CREATE INDEX sessions_unfinished_by_day ON sessions (on_day)
    WHERE state IN ('scheduled', 'open', 'live');

-- What is there already.
INSERT INTO link_facts
SELECT f.* FROM (SELECT min(on_day) AS first, max(on_day) AS last FROM sessions) d,
                LATERAL link_facts_of(NULL, d.first, d.last) f;

REVOKE EXECUTE ON FUNCTION refresh_links, roll_up FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_links, roll_up TO classroom_sync_app;
GRANT SELECT ON link_facts, changed_weeks, rollup_weeks, rollup_sums, rollup_makeups, rollup_members
    TO classroom_sync_app;
