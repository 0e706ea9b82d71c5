-- Since when an account has its password, so that it can be asked to change it (GB/T 22239-2019, 7.1.4.1 a).
-- What is there already counts from now on.
ALTER TABLE accounts ADD COLUMN password_set_at timestamptz NOT NULL DEFAULT now();
