-- Who has left stays in the registers, for the lessons that were held, but takes part in nothing new.

ALTER TABLE schools ADD COLUMN retired_on date;                       -- null: in use
ALTER TABLE teachers ADD COLUMN retired_on date;
ALTER TABLE class_groups ADD COLUMN retired_on date;
