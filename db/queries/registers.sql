-- name: say_when!
-- For the versions of registers that this transaction makes.
SELECT set_config('classroom_sync.at', :at, true);

-- name: put_school!
INSERT INTO schools (code, name, short_name, role, hub_code, uplink_mbit, retired_on)
VALUES (:code, :name, :short_name, :role, :hub_code, :uplink_mbit, :retired_on)
ON CONFLICT (code) DO UPDATE
SET name = excluded.name, short_name = excluded.short_name, role = excluded.role,
    hub_code = excluded.hub_code, uplink_mbit = excluded.uplink_mbit;

-- name: put_teacher!
INSERT INTO teachers (id, school_code, name, role, subjects, max_lessons_per_day, retired_on)
VALUES (:id, :school_code, :name, :role, :subjects, :max_lessons_per_day, :retired_on)
ON CONFLICT (id) DO UPDATE
SET school_code = excluded.school_code, name = excluded.name, role = excluded.role,
    subjects = excluded.subjects, max_lessons_per_day = excluded.max_lessons_per_day;

-- name: put_class_group!
INSERT INTO class_groups (id, school_code, name, grade, enrolment, retired_on)
VALUES (:id, :school_code, :name, :grade, :enrolment, :retired_on)
ON CONFLICT (id) DO UPDATE
SET school_code = excluded.school_code, name = excluded.name, grade = excluded.grade,
    enrolment = excluded.enrolment;

-- name: retire_school!
UPDATE schools SET retired_on = :on WHERE code = :id;

-- name: retire_teacher!
UPDATE teachers SET retired_on = :on WHERE id = :id;

-- name: retire_class_group!
UPDATE class_groups SET retired_on = :on WHERE id = :id;
