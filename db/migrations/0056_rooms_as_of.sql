-- Rooms as they were known at an instant, so that a report of last year stays as it was when a room is
-- retired, or accepted with an earlier date, this year.

-- Rooms in use, and since when they count toward the targets (null: they do not). What the register
-- said first is taken for known from ever on.
CREATE FUNCTION rooms_as_of(as_of timestamptz)
RETURNS TABLE (room_id text, counts_from date) LANGUAGE sql STABLE AS $$
    SELECT r.id, CASE WHEN h.to_status = 'accepted' THEN h.on_day END
    FROM rooms r JOIN LATERAL (
        SELECT n.to_status, n.on_day FROM room_history n
        WHERE n.room_id = r.id AND (n.from_status IS NULL OR n.at <= as_of)
        ORDER BY n.id DESC LIMIT 1) h ON h.to_status <> 'retired'
$$;

DROP VIEW room_counts;
