-- What the timetable's pages keep: lessons locked for the solver, what schools said to shifts, and
-- which lesson of another day a session makes up for.

ALTER TABLE lessons
    ADD COLUMN locked boolean NOT NULL DEFAULT false;                 -- the solver leaves it as it is

CREATE TABLE shift_decisions (                   -- a receiving school's word on a hub's period
    term_id         text NOT NULL REFERENCES terms,
    school_code     text NOT NULL REFERENCES schools,
    hub_code        text NOT NULL REFERENCES schools,
    weekday         smallint CHECK (weekday BETWEEN 1 AND 7),         -- null: every day
    period          smallint NOT NULL CHECK (period > 0),             -- of the hub's bells
    approved        boolean NOT NULL,
    decided_by      text NOT NULL,
    decided_at      timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (term_id, school_code, hub_code, weekday, period)
);

ALTER TABLE sessions
    ADD COLUMN makes_up_id uuid REFERENCES sessions;                  -- a make-up 补课 for that one
CREATE UNIQUE INDEX one_makeup_a_session ON sessions (makes_up_id)
    WHERE state NOT IN ('cancelled', 'missed');

GRANT SELECT, INSERT, UPDATE, DELETE ON shift_decisions TO classroom_sync_app;
