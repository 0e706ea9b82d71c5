-- name: say_who!
-- For the history of the rooms that this transaction enters.
SELECT set_config('classroom_sync.actor', :actor, true), set_config('classroom_sync.why', :why, true);

-- name: add_room!
INSERT INTO rooms (id, school_code, name, kind, phase, status, planned_on, funding)
VALUES (:id, :school_code, :name, :kind, :phase, 'planned', :planned_on, :funding);

-- name: life^
SELECT id AS room_id, status, phase, funding, planned_on, installed_on, accepted_on, retired_on
FROM rooms WHERE id = :room_id;

-- name: history
SELECT from_status, to_status, on_day, at, actor, why, test_id
FROM room_history WHERE room_id = :room_id ORDER BY id;

-- name: note!
UPDATE rooms SET phase = :phase, funding = :funding WHERE id = :room_id;

-- name: move!
SELECT move_room(:room_id, :target, :on_day, :at, :actor, :why, :test_id);
