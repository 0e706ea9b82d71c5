-- name: begin$
INSERT INTO recordings (session_id, title, made_by, state, started_at, delete_after, with_rooms)
VALUES (:session_id, :title, :made_by, :state, :started_at, :delete_after, :with_rooms)
ON CONFLICT (session_id) WHERE state = 'recording' DO NOTHING
RETURNING id;

-- name: recording^
SELECT * FROM recordings WHERE id = :id;

-- name: exists$
SELECT EXISTS (SELECT FROM recordings WHERE id = :id);

-- name: recordings_of_session
SELECT * FROM recordings WHERE session_id = :session_id ORDER BY started_at, id;

-- name: under_way_in^
SELECT * FROM recordings WHERE session_id = :session_id AND state = 'recording';

-- name: in_state
SELECT * FROM recordings WHERE state = :state ORDER BY started_at, id;

-- name: newest
-- Newest first; those of a teacher's sessions and uploads where one is named, also of the meetings
-- that they were called to.
SELECT r.* FROM recordings r
WHERE CAST(:teacher_id AS text) IS NULL
   OR r.made_by = :actor
   OR EXISTS (SELECT FROM participants p
              WHERE p.session_id = r.session_id AND p.role IN ('lead', 'member')
                AND p.teacher_id = :teacher_id)
ORDER BY r.started_at DESC, r.id DESC LIMIT :limit;

-- name: stop$
UPDATE recordings SET state = 'joining', ended_at = :at, cause = coalesce(cause, CAST(:cause AS text))
WHERE id = :id AND state = 'recording' RETURNING true;

-- name: stop_of_session!
UPDATE recordings SET state = 'joining', ended_at = :at
WHERE session_id = :session_id AND state = 'recording';

-- name: join_again$
UPDATE recordings SET state = 'joining', cause = NULL
WHERE id = :id AND state = 'failed' RETURNING true;

-- name: fail$
UPDATE recordings SET state = 'failed', cause = :cause, ended_at = coalesce(ended_at, :at)
WHERE id = :id AND state IN ('recording', 'joining', 'uploading') RETURNING true;

-- name: finish$
UPDATE recordings SET state = 'ready', ended_at = coalesce(ended_at, :at),
    duration_ms = :duration_ms, bytes = :bytes, mime = :mime, storage_key = :storage_key,
    poster_key = :poster_key, waveform = :waveform, zero_at = :zero_at
WHERE id = :id AND state IN ('joining', 'uploading') RETURNING true;

-- name: replace_files$
-- Only where the files are still those that the new ones were made of, if that is asked.
UPDATE recordings SET duration_ms = :duration_ms, bytes = :bytes, mime = :mime,
    storage_key = :storage_key, poster_key = :poster_key, waveform = :waveform, zero_at = :zero_at
WHERE id = :id AND state = 'ready'
  AND (CAST(:was AS text) IS NULL OR recordings.storage_key = :was) RETURNING true;

-- name: delete$
UPDATE recordings SET state = 'deleted', storage_key = NULL, poster_key = NULL, waveform = '{}',
    published = false
WHERE id = :id AND state IN ('ready', 'failed') RETURNING true;

-- name: publish$
UPDATE recordings SET published = :published, delete_after = :delete_after
WHERE id = :id AND state = 'ready' RETURNING true;

-- name: past_retention
SELECT * FROM recordings
WHERE state IN ('ready', 'failed') AND delete_after <= :now ORDER BY delete_after, id;

-- name: year_ends$
-- The last day of the school year that holds a day: of the last term that ends before its August.
SELECT max(ends_on) FROM terms
WHERE ends_on < make_date(
    CAST(extract(year FROM CAST(:day AS date)) + CASE WHEN extract(month FROM CAST(:day AS date)) >= 8 THEN 1 ELSE 0 END AS integer), 8, 1)
  AND ends_on >= :day;

-- name: add_segment!
-- Nothing for a recording that is not known.
INSERT INTO recording_segments (id, recording_id, node_id, track, started_at, state, bytes, storage_key,
                                participant_id)
SELECT :id, r.id, :node_id, :track, :started_at, :state, :bytes, CAST(:storage_key AS text),
       CAST(:participant_id AS uuid)
FROM recordings r WHERE r.id = :recording_id
ON CONFLICT (id) DO UPDATE SET state = excluded.state, bytes = excluded.bytes,
    storage_key = excluded.storage_key
WHERE recording_segments.state IN ('writing', 'lost') AND excluded.state <> 'writing';

-- name: segments_of
SELECT * FROM recording_segments WHERE recording_id = :recording_id ORDER BY started_at, track, id;

-- name: missing$
-- How many segments were begun and have not come.
SELECT count(*) FROM recording_segments WHERE recording_id = :recording_id AND state = 'writing';

-- name: give_up_segments!
UPDATE recording_segments SET state = 'lost'
WHERE recording_id = :recording_id AND state = 'writing';

-- name: segments_joined!
UPDATE recording_segments SET state = 'joined', storage_key = NULL
WHERE recording_id = :recording_id AND id = ANY(CAST(:ids AS uuid[]));

-- name: segments_lost!
UPDATE recording_segments SET state = 'lost', storage_key = NULL
WHERE recording_id = :recording_id AND id = ANY(CAST(:ids AS uuid[]));

-- name: with_late_segments
-- Ready, and then segments came that had been given up.
SELECT r.* FROM recordings r
WHERE r.state = 'ready'
  AND EXISTS (SELECT FROM recording_segments s WHERE s.recording_id = r.id AND s.state = 'stored')
ORDER BY r.started_at, r.id;

-- name: add_part!
INSERT INTO recording_parts (recording_id, track, number, starts_ms, duration_ms, bytes, mime, storage_key,
                             participant_id)
VALUES (:recording_id, :track, :number, :starts_ms, :duration_ms, :bytes, :mime, :storage_key,
        :participant_id);

-- name: parts_of
SELECT * FROM recording_parts WHERE recording_id = :recording_id
ORDER BY track = 'room', track, number;

-- name: drop_parts!
DELETE FROM recording_parts WHERE recording_id = :recording_id;

-- name: add_chapter!
INSERT INTO recording_chapters (recording_id, at_ms, storage_key)
VALUES (:recording_id, :at_ms, :storage_key);

-- name: chapters_of
SELECT * FROM recording_chapters WHERE recording_id = :recording_id ORDER BY at_ms;

-- name: drop_chapters!
DELETE FROM recording_chapters WHERE recording_id = :recording_id;

-- name: orphans
-- Still recording although their session is over.
SELECT r.* FROM recordings r JOIN sessions s ON s.id = r.session_id
WHERE r.state = 'recording' AND s.state IN ('ended', 'missed', 'cancelled')
ORDER BY r.started_at, r.id;

-- name: leave_object*!
INSERT INTO recording_objects_left (key, recording_id, left_at) VALUES (:key, :recording_id, :at)
ON CONFLICT (key) DO NOTHING;

-- name: objects_left
SELECT key FROM recording_objects_left WHERE left_at <= :before ORDER BY left_at, key LIMIT :most;

-- name: objects_left_of
SELECT key FROM recording_objects_left WHERE recording_id = :recording_id ORDER BY key;

-- name: forget_object!
DELETE FROM recording_objects_left WHERE key = :key;
