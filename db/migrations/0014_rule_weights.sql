-- What a unit too many of a soft rule costs in one timetable version, where it is not the rule's own.

CREATE TABLE rule_weights (
    version_id      uuid NOT NULL REFERENCES timetable_versions ON DELETE CASCADE,
    rule            text NOT NULL,
    weight          integer NOT NULL CHECK (weight >= 0),             -- 0: the rule does not matter
    PRIMARY KEY (version_id, rule)
);

CREATE TRIGGER drafts_only BEFORE INSERT OR UPDATE OR DELETE ON rule_weights
    FOR EACH ROW EXECUTE FUNCTION lessons_of_drafts_only();           -- as for lessons

GRANT SELECT, INSERT, UPDATE, DELETE ON rule_weights TO classroom_sync_app;
