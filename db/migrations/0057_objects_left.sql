-- Files of the store that no row names any more, such as segments that were joined. They stay for some
-- minutes: a backup that goes over the store has them for the times at which a row named them.

CREATE TABLE recording_objects_left (
    key             text PRIMARY KEY,
    recording_id    uuid NOT NULL REFERENCES recordings,
    left_at         timestamptz NOT NULL
);
CREATE INDEX recording_objects_left_by_time ON recording_objects_left (left_at);
CREATE INDEX recording_objects_left_by_recording ON recording_objects_left (recording_id);

GRANT SELECT, INSERT, DELETE ON recording_objects_left TO classroom_sync_app;
