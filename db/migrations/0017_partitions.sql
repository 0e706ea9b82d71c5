-- Evidence and presence by month, so that old months can be dropped and new ones stay small.
-- Rows whose month has no partition yet are taken in by the partition "…_other", and moved when it
-- is made: nothing is ever refused for its date.

ALTER TABLE evidence RENAME TO evidence_before;
ALTER TABLE evidence_before RENAME CONSTRAINT evidence_pkey TO evidence_before_pkey;
DROP INDEX evidence_by_participant, evidence_by_session;
ALTER TABLE presence RENAME TO presence_before;
ALTER TABLE presence_before RENAME CONSTRAINT presence_pkey TO presence_before_pkey;

CREATE TABLE evidence (                          -- a slice of at most some seconds, as it happens
    node_id         uuid NOT NULL,
    seq             bigint NOT NULL,             -- per node process: writing twice counts once
    session_id      uuid NOT NULL,               -- the participant's
    participant_id  uuid NOT NULL REFERENCES participants,
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    sent_decodable  boolean NOT NULL,
    received_decodable boolean NOT NULL,
    packets_in      bigint NOT NULL,
    bytes_in        bigint NOT NULL,
    packets_out     bigint NOT NULL,
    bytes_out       bigint NOT NULL,
    lost_in         bigint NOT NULL,
    lost_out        bigint NOT NULL,
    jitter_ms       real NOT NULL,
    rtt_ms          real,
    reason          text CHECK (reason IN ('left', 'lost', 'replaced', 'ended', 'stopped')),
    written_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node_id, seq, from_at),         -- the same row has the same time
    CHECK (from_at < to_at)
) PARTITION BY RANGE (from_at);
CREATE INDEX evidence_by_participant ON evidence (participant_id, from_at);
CREATE INDEX evidence_by_writing ON evidence USING brin (written_at) WITH (pages_per_range = 16);
CREATE TABLE evidence_other PARTITION OF evidence DEFAULT;

CREATE TABLE presence (                          -- merged intervals under an attendance revision
    participant_id  uuid NOT NULL,
    revision        integer NOT NULL,
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    reason          text,                        -- why it closed
    PRIMARY KEY (participant_id, revision, from_at),
    FOREIGN KEY (participant_id, revision) REFERENCES attendance (participant_id, revision),
    CHECK (from_at < to_at)
) PARTITION BY RANGE (from_at);                  -- each partition excludes overlaps by itself
CREATE TABLE presence_other PARTITION OF presence DEFAULT;
ALTER TABLE presence_other ADD EXCLUDE USING gist
    (participant_id WITH =, revision WITH =, tstzrange(from_at, to_at) WITH &&);

CREATE FUNCTION is_by_month(parent text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT parent IN ('evidence', 'presence')
$$;

-- Make the partitions of the months from one day to another, where there are none; how many.
CREATE FUNCTION make_months(parent text, first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    month date := date_trunc('month', first);
    name text;
    made integer := 0;
BEGIN
    IF NOT is_by_month(parent) OR last > first + 4000 THEN
        RAISE EXCEPTION 'no table of that name is kept by month, or too many months';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('months of ' || parent));
    WHILE month <= last LOOP
        name := parent || to_char(month, '_YYYY_MM');
        IF to_regclass(quote_ident(name)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                           name, parent);
            IF parent = 'presence' THEN
                EXECUTE format('ALTER TABLE %I ADD EXCLUDE USING gist (participant_id WITH =,'
                    ' revision WITH =, tstzrange(from_at, to_at) WITH &&)', name);
            END IF;
            EXECUTE format('WITH moved AS (DELETE FROM %I WHERE from_at >= %L AND from_at < %L'
                ' RETURNING *) INSERT INTO %I SELECT * FROM moved',
                parent || '_other', month_begins(month),
                month_begins(CAST(month + interval '1 month' AS date)), name);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, name, month_begins(month),
                month_begins(CAST(month + interval '1 month' AS date)));
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

-- Months begin by UTC: a bound must not move with a session's time zone.
CREATE FUNCTION month_begins(month date) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CAST(month AS timestamp) AT TIME ZONE 'UTC'
$$;

-- Drop the partition of one month, if there is one. Months in which something late may still come
-- are kept.
CREATE FUNCTION drop_month(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    name text := parent || to_char(month, '_YYYY_MM');
BEGIN
    IF NOT is_by_month(parent) OR month > now() - interval '100 days' THEN
        RAISE EXCEPTION 'this month of % is kept', parent USING ERRCODE = 'check_violation';
    END IF;
    IF to_regclass(quote_ident(name)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, name);
    EXECUTE format('DROP TABLE %I', name);
    RETURN true;
END $$;

-- What was there moves into its months.
SELECT make_months('evidence', CAST(min(from_at) AS date) - 1, CAST(max(from_at) AS date) + 1)
FROM evidence_before WHERE from_at BETWEEN now() - interval '5 years' AND now() + interval '1 year'
HAVING min(from_at) IS NOT NULL;
SELECT make_months('presence', CAST(min(from_at) AS date) - 1, CAST(max(from_at) AS date) + 1)
FROM presence_before WHERE from_at BETWEEN now() - interval '5 years' AND now() + interval '1 year'
HAVING min(from_at) IS NOT NULL;
INSERT INTO evidence SELECT * FROM evidence_before;
INSERT INTO presence SELECT * FROM presence_before;
DROP TABLE evidence_before, presence_before;
SELECT make_months(parent, CAST(now() AS date) - 31, CAST(now() AS date) + 366)
FROM (VALUES ('evidence'), ('presence')) AS t (parent);

REVOKE EXECUTE ON FUNCTION make_months, drop_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_months, drop_month TO classroom_sync_app;
GRANT SELECT, INSERT ON evidence, presence TO classroom_sync_app;
