-- New passwords by a link that is good once; and which browser each signed-in screen was last seen with.

CREATE TABLE password_links (
    token_hash      bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),   -- SHA-256 of the link's secret
    account_id      uuid NOT NULL REFERENCES accounts,
    made_at         timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > made_at),
    used_at         timestamptz
);
CREATE INDEX password_links_by_account ON password_links (account_id);

ALTER TABLE web_sessions ADD COLUMN user_agent text NOT NULL DEFAULT '';

GRANT SELECT, INSERT, UPDATE ON password_links TO classroom_sync_app;
