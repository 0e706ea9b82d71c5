-- Recordings may hold the pictures of other participants too, each as a track of its own. Off unless
-- the configuration allows it and the lead teacher wishes it for a lesson.

ALTER TABLE recordings ADD COLUMN with_rooms boolean NOT NULL DEFAULT false;

-- `participant_id`: whom a room's track shows. The name of a segment's file says it, so it is written
-- as the node told it.
ALTER TABLE recording_segments
    DROP CONSTRAINT recording_segments_track_check,
    ADD CONSTRAINT recording_segments_track_check CHECK (track IN ('main', 'screen', 'room')),
    ADD COLUMN participant_id uuid,
    ADD CONSTRAINT recording_segments_of CHECK ((track = 'room') = (participant_id IS NOT NULL));
ALTER TABLE recording_parts
    DROP CONSTRAINT recording_parts_track_check,
    ADD CONSTRAINT recording_parts_track_check CHECK (track IN ('main', 'screen', 'room')),
    ADD COLUMN participant_id uuid,
    ADD CONSTRAINT recording_parts_of CHECK ((track = 'room') = (participant_id IS NOT NULL));
