-- name: add_school!
INSERT INTO schools (code, name, short_name, role, hub_code, uplink_mbit, retired_on)
VALUES (:code, :name, :short_name, :role, :hub_code, :uplink_mbit, :retired_on);

-- name: add_room!
INSERT INTO rooms (id, school_code, name, kind, phase, status, installed_on, accepted_on)
VALUES (:id, :school_code, :name, :kind, :phase, :status, :installed_on, :accepted_on);

-- name: add_target!
INSERT INTO room_targets (deadline, rooms, source) VALUES (:deadline, :rooms, :source);

-- name: add_subject!
INSERT INTO subjects (slug, name_zh, name_en) VALUES (:slug, :name_zh, :name_en);

-- name: add_teacher!
INSERT INTO teachers (id, school_code, name, role, subjects, max_lessons_per_day, retired_on)
VALUES (:id, :school_code, :name, :role, :subjects, :max_lessons_per_day, :retired_on);

-- name: add_class_group!
INSERT INTO class_groups (id, school_code, name, grade, enrolment, retired_on)
VALUES (:id, :school_code, :name, :grade, :enrolment, :retired_on);

-- name: schools
SELECT code, name, short_name, role, hub_code, uplink_mbit, retired_on FROM schools ORDER BY code;

-- name: rooms
SELECT id, school_code, name, kind, phase, status, installed_on, accepted_on
FROM rooms ORDER BY id;

-- name: targets
SELECT deadline, rooms, source FROM room_targets ORDER BY deadline;

-- name: subjects
SELECT slug, name_zh, name_en FROM subjects ORDER BY slug;

-- name: teachers
SELECT id, school_code, name, role, subjects, max_lessons_per_day, retired_on
FROM teachers ORDER BY id;

-- name: class_groups
SELECT id, school_code, name, grade, enrolment, retired_on FROM class_groups ORDER BY id;

-- name: schools_on
-- Registers as they said of a day, as known at an instant.
SELECT code, name, short_name, role, hub_code, uplink_mbit, retired_on
FROM schools_on(:day, :as_of) ORDER BY code;

-- name: rooms_on
-- What became of a room is that of now.
SELECT v.id, v.school_code, v.name, v.kind, v.phase, r.status, r.installed_on, r.accepted_on
FROM rooms_on(:day, :as_of) v JOIN rooms r ON r.id = v.id ORDER BY v.id;

-- name: teachers_on
SELECT id, school_code, name, role, subjects, max_lessons_per_day, retired_on
FROM teachers_on(:day, :as_of) ORDER BY id;

-- name: class_groups_on
SELECT id, school_code, name, grade, enrolment, retired_on
FROM classes_on(:day, :as_of) ORDER BY id;
