-- Observers who watch unseen 巡课, and observation 听课评课: visits, invitations, the rubric by
-- versions, what observers wrote and scored, and comments on moments of a lesson.

-- ── Visits ──────────────────────────────────────────────────────────────────────────────

-- An account's stay in a session from one address. This is the present state; the record of who came
-- and left is in the audit log, written in the same transactions.
CREATE TABLE observer_visits (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),   -- also its name on the media node
    session_id      uuid NOT NULL REFERENCES sessions,
    account_id      uuid NOT NULL REFERENCES accounts,
    address         text NOT NULL,
    begun_at        timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,                -- a lease: it ends there when it is not renewed
    ended_at        timestamptz,
    CHECK (begun_at <= seen_at),
    CHECK (ended_at IS NULL OR ended_at = seen_at)
);
CREATE UNIQUE INDEX one_visit_from_an_address
    ON observer_visits (session_id, account_id, address) WHERE ended_at IS NULL;
CREATE INDEX observer_visits_by_session ON observer_visits (session_id);

CREATE TABLE observer_invitations (              -- teachers of other schools who are asked to observe
    session_id      uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,  -- while it is planned only
    teacher_id      text NOT NULL REFERENCES teachers,
    invited_by      text NOT NULL,               -- as audit.actor
    invited_at      timestamptz NOT NULL,
    PRIMARY KEY (session_id, teacher_id)
);
CREATE INDEX observer_invitations_by_teacher ON observer_invitations (teacher_id);

-- ── The rubric: a version is never changed ──────────────────────────────────────────────

CREATE TABLE rubrics (
    number          integer PRIMARY KEY CHECK (number > 0),           -- the largest holds
    title_zh        text NOT NULL CHECK (title_zh <> ''),
    title_en        text NOT NULL CHECK (title_en <> ''),
    scale           text NOT NULL CHECK (scale IN ('five', 'hundred')),  -- 1 to 5, or 0 to 100
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE rubric_criteria (
    rubric          integer NOT NULL REFERENCES rubrics,
    position        smallint NOT NULL CHECK (position BETWEEN 1 AND 20),
    name_zh         text NOT NULL CHECK (name_zh <> ''),
    name_en         text NOT NULL CHECK (name_en <> ''),
    hint_zh         text NOT NULL DEFAULT '',
    hint_en         text NOT NULL DEFAULT '',
    weight          smallint NOT NULL CHECK (weight BETWEEN 1 AND 100),
    PRIMARY KEY (rubric, position)
);

CREATE FUNCTION rubric_weighs_a_hundred() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(weight) FROM rubric_criteria WHERE rubric = NEW.rubric) <> 100 THEN
        RAISE EXCEPTION 'the weights of rubric % do not add up to 100', NEW.rubric
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rubric_weighs_a_hundred';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER weighs_a_hundred AFTER INSERT ON rubric_criteria
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rubric_weighs_a_hundred();

INSERT INTO rubrics (number, title_zh, title_en, scale, made_by)
VALUES (1, '同步课堂听课评课表', 'Observation of a synchronous lesson', 'five', 'system');
INSERT INTO rubric_criteria (rubric, position, name_zh, name_en, hint_zh, hint_en, weight) VALUES
    (1, 1, '教学目标', 'Goals',
     '目标明确，切合两端学生的实际。',
     'Clear, and right for the pupils at both ends.', 15),
    (1, 2, '教学内容', 'Content',
     '准确、重点突出，难易适当，时间安排合理。',
     'Correct, with its main points clear, of the right difficulty and pace.', 20),
    (1, 3, '教学方法', 'Methods',
     '启发引导，学生有思考、讨论和练习的机会。',
     'Pupils are led to think, to discuss and to practise.', 20),
    (1, 4, '与远端班级的互动', 'Interaction with the remote classes',
     '远端学生被提问、展示和反馈；辅助教师配合到位。',
     'Remote pupils are asked, show their work and get answers; the assistant teacher takes part.', 20),
    (1, 5, '技术运用', 'Use of technology',
     '画面、声音和共享屏幕清楚，切换恰当，不影响教学。',
     'Picture, sound and shared screen are clear and well chosen, and serve the lesson.', 10),
    (1, 6, '教学效果', 'Effect',
     '两端学生都参与、有收获，目标达成。',
     'Pupils at both ends take part, learn, and reach the goals.', 15);

-- ── Observations ────────────────────────────────────────────────────────────────────────

CREATE TABLE observations (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid NOT NULL REFERENCES sessions,
    account_id      uuid NOT NULL REFERENCES accounts,
    rubric          integer NOT NULL REFERENCES rubrics,
    corrects_id     uuid UNIQUE REFERENCES observations,  -- the submitted one that this one replaces
    remark          text NOT NULL DEFAULT '' CHECK (length(remark) <= 4000),
    begun_at        timestamptz NOT NULL,
    saved_at        timestamptz NOT NULL,
    submitted_at    timestamptz,
    score           real CHECK (score BETWEEN 0 AND 100), -- weighted, of 100
    UNIQUE (id, rubric),
    CHECK ((submitted_at IS NULL) = (score IS NULL))
);
CREATE UNIQUE INDEX one_draft_of_an_observer ON observations (session_id, account_id)
    WHERE submitted_at IS NULL;
CREATE UNIQUE INDEX one_first_observation ON observations (session_id, account_id)
    WHERE corrects_id IS NULL;
CREATE INDEX observations_by_account ON observations (account_id);

CREATE TABLE observation_marks (
    observation_id  uuid NOT NULL,
    rubric          integer NOT NULL,
    position        smallint NOT NULL,
    mark            smallint CHECK (mark BETWEEN 0 AND 100),          -- null: not marked (any more)
    note            text NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    PRIMARY KEY (observation_id, position),
    FOREIGN KEY (observation_id, rubric) REFERENCES observations (id, rubric),
    FOREIGN KEY (rubric, position) REFERENCES rubric_criteria
);

-- What has been submitted stays as it is: a correction is an observation of its own.
CREATE FUNCTION submitted_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    submitted boolean;
BEGIN
    IF TG_TABLE_NAME = 'observations' THEN
        submitted := OLD.submitted_at IS NOT NULL;
    ELSE
        SELECT submitted_at IS NOT NULL INTO submitted FROM observations
        WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.observation_id ELSE OLD.observation_id END;
    END IF;
    IF submitted THEN
        RAISE EXCEPTION 'an observation that has been submitted cannot change'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'submitted_is_immutable';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable BEFORE UPDATE ON observations
    FOR EACH ROW EXECUTE FUNCTION submitted_is_immutable();
CREATE TRIGGER immutable BEFORE INSERT OR UPDATE ON observation_marks
    FOR EACH ROW EXECUTE FUNCTION submitted_is_immutable();

ALTER TABLE evaluations ADD COLUMN observation_id uuid UNIQUE REFERENCES observations;

-- ── Comments, on an instant of a lesson ─────────────────────────────────────────────────

CREATE TABLE observation_comments (
    id              uuid PRIMARY KEY,            -- chosen by the page: what is sent twice counts once
    session_id      uuid NOT NULL REFERENCES sessions,
    account_id      uuid NOT NULL REFERENCES accounts,
    at              timestamptz NOT NULL,        -- the instant that it is about
    answers_id      uuid REFERENCES observation_comments,
    text            text NOT NULL CHECK (text <> '' AND length(text) <= 2000),
    made_at         timestamptz NOT NULL
);
CREATE INDEX observation_comments_by_session ON observation_comments (session_id, at);

-- When the clock of a recording stood at 0, so that an instant of the lesson has its place on it
-- also after its start has been cut off.
ALTER TABLE recordings ADD COLUMN zero_at timestamptz;
UPDATE recordings r SET zero_at = (
        SELECT min(s.started_at) FROM recording_segments s
        WHERE s.recording_id = r.id AND s.state = 'joined')
    + coalesce((SELECT sum(CAST(a.detail ->> 'from_ms' AS bigint)) FROM audit a
                WHERE a.action = 'recording_cut' AND a.object = 'recording:' || r.id), 0)
      * interval '1 millisecond'
WHERE r.state = 'ready' AND r.session_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON observer_visits, observations, observation_marks TO classroom_sync_app;
GRANT SELECT, INSERT, DELETE ON observer_invitations TO classroom_sync_app;
GRANT SELECT, INSERT ON rubrics, rubric_criteria, observation_comments TO classroom_sync_app;
