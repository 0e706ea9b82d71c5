-- Files on their way in: kept from their preview until they are imported, a day at most.

CREATE TABLE imports (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    made_by         uuid NOT NULL REFERENCES accounts,
    made_at         timestamptz NOT NULL,
    name            text NOT NULL,
    kind            text CHECK (kind IN ('grid', 'list', 'oneroster')),   -- null: as it looks
    content         bytea NOT NULL CHECK (length(content) <= 8 * 1024 * 1024),
    done_at         timestamptz,
    version_id      uuid REFERENCES timetable_versions ON DELETE SET NULL   -- the draft it became
);

GRANT SELECT, INSERT, UPDATE, DELETE ON imports TO classroom_sync_app;
