-- What makes reports of years quick: which weeks of a block reached a member, so that a trend reads
-- blocks and not weeks; and make-ups owed that are all past their deadline, so that deadlines are
-- looked at only in the latest weeks.

ALTER TABLE rollup_block_members
    ADD COLUMN weeks smallint NOT NULL DEFAULT 0;   -- bit n: reached in the block's week n, from 0 on

CREATE TABLE rollup_owed (                       -- rollup_makeups of whatever deadline
    monday          date,
    school_code     text,
    last_due_on     date NOT NULL,
    required        bigint NOT NULL,
    in_time         bigint NOT NULL,
    PRIMARY KEY (monday, school_code)
);

CREATE FUNCTION week_owed(week date)
RETURNS TABLE (monday date, school_code text, last_due_on date, required bigint, in_time bigint)
LANGUAGE sql STABLE AS $$
    SELECT m.monday, m.school_code, max(m.makeup_due_on), CAST(sum(m.required) AS bigint),
           CAST(sum(m.in_time) AS bigint)
    FROM rollup_makeups m WHERE m.monday = week GROUP BY m.monday, m.school_code
$$;

CREATE FUNCTION block_members(of date)
RETURNS TABLE (block date, school_code text, kind text, member text, most integer, weeks smallint)
LANGUAGE sql STABLE AS $$
    SELECT of, m.school_code, m.kind, m.member, max(m.most),
           CAST(sum(1 << ((m.monday - of) / 7)) AS smallint)
    FROM rollup_members m WHERE m.monday BETWEEN of AND of + 55
    GROUP BY m.school_code, m.kind, m.member
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
    DELETE FROM rollup_owed WHERE monday = week;
    DELETE FROM rollup_members WHERE monday = week;
    DELETE FROM rollup_sets WHERE monday = week;
    INSERT INTO rollup_weeks
    SELECT week, min(on_day), max(on_day), coalesce(max(known_at), '-infinity'), delay, loss
    FROM link_facts WHERE on_day BETWEEN week AND week + 6;
    INSERT INTO rollup_sums SELECT * FROM week_sums('infinity', week, week + 6, delay, loss);
    INSERT INTO rollup_makeups SELECT * FROM week_makeups('infinity', week, week + 6);
    INSERT INTO rollup_owed SELECT * FROM week_owed(week);
    INSERT INTO rollup_members SELECT * FROM week_members('infinity', week, week + 6);
    INSERT INTO rollup_sets SELECT * FROM week_sets(week);
END $$;

CREATE OR REPLACE FUNCTION roll_up_block(of date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('roll-up'), of - date '2000-01-01');
    DELETE FROM rollup_blocks WHERE block = of;
    INSERT INTO rollup_blocks VALUES (of);
    INSERT INTO rollup_block_members SELECT * FROM block_members(of);
END $$;

-- What is there already.
INSERT INTO rollup_owed
SELECT o.* FROM rollup_weeks w, LATERAL week_owed(w.monday) o;
DELETE FROM rollup_blocks;                       -- put together anew by the leading process

REVOKE EXECUTE ON FUNCTION roll_up, roll_up_block FROM PUBLIC;
GRANT EXECUTE ON FUNCTION roll_up, roll_up_block TO classroom_sync_app;
GRANT SELECT ON rollup_owed TO classroom_sync_app;
