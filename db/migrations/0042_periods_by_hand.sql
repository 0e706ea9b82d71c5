-- Periods in which lessons are put by hand only, such as an after-school club's: neither the solver
-- nor a repair proposes one.
ALTER TABLE bell_periods ADD COLUMN by_hand boolean NOT NULL DEFAULT false;
