-- name: server^
SELECT CAST(current_setting('server_version_num') AS integer) AS number,
       current_setting('server_version') AS version,
       clock_timestamp() AS now,
       CAST(current_setting('max_connections') AS integer) AS connections_allowed,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('data_checksums') = 'on' AS checksums,
       pg_database_size(current_database()) AS size;

-- name: writable$
-- Append-only tables that the application's role could change all the same.
SELECT array_agg(name ORDER BY name) FROM unnest(CAST(
    '{evidence,head_counts,interactions,attendance,presence,evaluations,audit,audit_seals,
      lesson_messages,poll_answers,receipts,room_history,acceptance_tests,acceptance_begun,
      acceptance_transfers,acceptance_evidence,acceptance_results,lesson_plan_versions,agenda_turns,
      meeting_notes,rubrics,rubric_criteria,observation_comments}' AS text[])) AS name
WHERE has_table_privilege('classroom_sync_app', name, 'UPDATE')
   OR has_table_privilege('classroom_sync_app', name, 'DELETE');

-- name: led$
-- Whether somebody holds the advisory lock of a key: a leader is there.
SELECT EXISTS (SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.classid = CAST(CAST(:key AS bigint) >> 32 AS oid)
      AND l.objid = CAST(CAST(:key AS bigint) & 4294967295 AS oid));

-- name: administrators$
-- Who keeps the whole city and may sign in.
SELECT count(*) FROM accounts WHERE role = 'admin' AND school_code IS NULL AND disabled_at IS NULL;

-- name: rooms_without_screen
-- Rooms that a lesson between two instants puts a class into, and that no computer is paired with.
SELECT DISTINCT w.short_name || ' ' || r.name AS room
FROM sessions s
JOIN participants p ON p.session_id = s.id AND p.role = 'receiving'
JOIN rooms r ON r.id = p.room_id
JOIN schools w ON w.code = r.school_code
WHERE s.state = 'scheduled' AND s.starts_at BETWEEN :since AND :until
  AND NOT EXISTS (SELECT FROM room_devices d WHERE d.room_id = r.id AND d.revoked_at IS NULL)
ORDER BY room;

-- name: last_backup$
SELECT max(at) FROM audit WHERE action = 'backup_made';

-- name: recordings^
SELECT count(*) FILTER (WHERE state = 'failed' AND ended_at > :since) AS failed,
       count(*) FILTER (WHERE state = 'joining' AND ended_at < :late) AS late
FROM recordings;

-- name: lessons^
-- The lessons of a time, and those that began without anybody opening them.
SELECT count(*) AS planned,
       count(*) FILTER (WHERE state = 'scheduled' AND starts_at < :now) AS overdue
FROM sessions WHERE starts_at >= :since AND starts_at < :until;

-- name: states
-- How many recordings and uploads are in each state; and how many classes have not watched what they
-- were sent, due in time or (for a month) overdue.
SELECT 'recordings' AS what, state, count(*) AS number FROM recordings GROUP BY state
UNION ALL
SELECT 'uploads', state, count(*) FROM uploads GROUP BY state
UNION ALL
SELECT 'pushes', CASE WHEN due_on < :today THEN 'overdue' ELSE 'due' END AS state, count(*)
FROM push_facts
WHERE withdrawn_at IS NULL AND watched IS NULL AND due_on >= CAST(:today AS date) - 30 GROUP BY 2;
