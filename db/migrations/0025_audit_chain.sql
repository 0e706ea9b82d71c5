-- The audit log, chained: each entry is sealed with the SHA-256 over the seal before it and its own
-- words, so that changing or removing one breaks every later seal. `db/audit.py` verifies.
--
-- Sealing is the last thing that a transaction does (a deferred trigger), so the lock that puts
-- entries in a row is held while one transaction commits, never while one works.

CREATE TABLE audit_seals (
    position        bigint PRIMARY KEY CHECK (position > 0),          -- 1, 2, 3 … without a gap
    audit_id        bigint NOT NULL UNIQUE REFERENCES audit,
    hash            bytea NOT NULL CHECK (octet_length(hash) = 32)
);

-- SHA-256 over the hash before (nothing, for the first) and the entry as a JSON list; `at` in
-- microseconds since 1970.
CREATE FUNCTION audit_hash(before bytea, entry audit) RETURNS bytea
    LANGUAGE sql STABLE AS $$
    SELECT sha256(coalesce(before, '') || convert_to(CAST(json_build_array(
        entry.id, CAST(extract(epoch FROM entry.at) * 1000000 AS bigint),
        entry.actor, entry.action, entry.object, CAST(entry.detail AS text)) AS text), 'UTF8'))
$$;

-- As the owner: the application's role can't write a seal by itself.
CREATE FUNCTION seal_audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last audit_seals;
BEGIN
    PERFORM pg_advisory_xact_lock(1635083369);                        -- "audi"
    SELECT * INTO last FROM audit_seals ORDER BY position DESC LIMIT 1;
    INSERT INTO audit_seals (position, audit_id, hash)
    VALUES (coalesce(last.position, 0) + 1, NEW.id, audit_hash(last.hash, NEW));
    RETURN NULL;
END $$;

-- What was there before is sealed as it stands.
DO $$
DECLARE
    entry audit;
    number bigint := 0;
    before bytea;
BEGIN
    FOR entry IN SELECT * FROM audit ORDER BY id LOOP
        number := number + 1;
        before := audit_hash(before, entry);
        INSERT INTO audit_seals (position, audit_id, hash) VALUES (number, entry.id, before);
    END LOOP;
END $$;

CREATE CONSTRAINT TRIGGER audit_is_sealed AFTER INSERT ON audit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seal_audit();

GRANT SELECT ON audit_seals TO classroom_sync_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_seals FROM classroom_sync_app;
REVOKE EXECUTE ON FUNCTION seal_audit() FROM PUBLIC;
