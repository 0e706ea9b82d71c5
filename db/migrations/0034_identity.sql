-- Who may enter, continued: accounts that are disabled, the city's education account behind one, a second
-- factor, web sessions that can be named without their secret, and media tokens that can be called back.

ALTER TABLE accounts ADD COLUMN disabled_at timestamptz;

CREATE TABLE account_identities (                -- who an account is for the city's OpenID provider
    issuer          text NOT NULL,
    subject         text NOT NULL,               -- which never changes, as its name there may
    account_id      uuid NOT NULL REFERENCES accounts,
    bound_at        timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, account_id)
);

CREATE TABLE second_factors (                    -- time-based codes (RFC 6238)
    account_id      uuid PRIMARY KEY REFERENCES accounts,
    secret          text NOT NULL,               -- base 32
    made_at         timestamptz NOT NULL,
    confirmed_at    timestamptz,                 -- null: its owner has yet to type a first code
    last_step       bigint NOT NULL DEFAULT 0    -- of the newest code that was used: none is good twice
);

CREATE TABLE recovery_codes (                    -- each is good once in place of a code
    code_hash       bytea PRIMARY KEY CHECK (octet_length(code_hash) = 32),    -- SHA-256
    account_id      uuid NOT NULL REFERENCES accounts,
    made_at         timestamptz NOT NULL,
    used_at         timestamptz
);
CREATE INDEX recovery_codes_by_account ON recovery_codes (account_id);

ALTER TABLE web_sessions
    ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT uuidv7(),
    ADD COLUMN stage text NOT NULL DEFAULT 'full'                 -- what is still to be done, if anything
        CHECK (stage IN ('full', 'second_factor', 'enrolment')),
    ADD COLUMN by_identity boolean NOT NULL DEFAULT false,        -- signed in at the city's provider
    ADD COLUMN teaching_until timestamptz,                        -- a lesson is on: no limit holds until then
    ADD CONSTRAINT devices_need_no_second_step CHECK (device_id IS NULL OR stage = 'full');
CREATE INDEX web_sessions_by_account ON web_sessions (account_id);
CREATE INDEX web_sessions_by_device ON web_sessions (device_id);

CREATE TABLE media_tokens (                      -- those made by hand, for encoders and players
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    participant_id  uuid NOT NULL REFERENCES participants,
    direction       text NOT NULL CHECK (direction IN ('publish', 'subscribe')),
    stream          text NOT NULL CHECK (stream IN ('camera', 'screen')),
    made_by         text NOT NULL,               -- as the audit log names them
    made_at         timestamptz NOT NULL,
    until           timestamptz NOT NULL CHECK (until > made_at),
    revoked_at      timestamptz
);
CREATE INDEX media_tokens_by_end ON media_tokens (until);

-- Media tokens name their holder: the web session they were given to, or the media token made by hand.
-- Media nodes read here whose are good no more.
CREATE TABLE withdrawn_holders (
    holder          uuid PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX withdrawn_holders_by_time ON withdrawn_holders (at);

-- However a web session ends (signed out, revoked, or swept), its media tokens end with it. No media token
-- is good for longer than a day, so what is older is forgotten.
CREATE FUNCTION withdraw_holder() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO withdrawn_holders (holder) VALUES (OLD.id) ON CONFLICT DO NOTHING;
    DELETE FROM withdrawn_holders WHERE at < now() - interval '2 days';
    RETURN NULL;
END $$;
CREATE TRIGGER withdraw AFTER DELETE ON web_sessions FOR EACH ROW EXECUTE FUNCTION withdraw_holder();
CREATE TRIGGER withdraw AFTER UPDATE OF revoked_at ON media_tokens
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION withdraw_holder();
REVOKE EXECUTE ON FUNCTION withdraw_holder() FROM PUBLIC;

GRANT SELECT, INSERT, DELETE ON account_identities TO classroom_sync_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factors, recovery_codes TO classroom_sync_app;
GRANT SELECT, INSERT, UPDATE ON media_tokens TO classroom_sync_app;
GRANT SELECT ON withdrawn_holders TO classroom_sync_app;
