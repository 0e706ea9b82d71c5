-- name: add_message<!
INSERT INTO lesson_messages (session_id, participant_id, kind, body)
VALUES (:session_id, :participant_id, :kind, :body)
RETURNING id, participant_id, body, at;

-- name: last_messages
-- The newest of what was said, oldest first.
SELECT id, participant_id, body, at FROM (
    SELECT id, participant_id, body, at FROM lesson_messages
    WHERE session_id = :session_id AND kind = 'said' ORDER BY id DESC LIMIT :most
) AS newest ORDER BY id;

-- name: worksheet$
SELECT body FROM lesson_messages
WHERE session_id = :session_id AND kind = 'worksheet' ORDER BY id DESC LIMIT 1;

-- name: add_poll!
INSERT INTO polls (id, session_id, question, options, state)
VALUES (:poll_id, :session_id, :question, :options, :state);

-- name: move_poll$
-- Compare and set: whether it was this call that moved it.
UPDATE polls SET state = :state WHERE id = :poll_id AND state = :from_state RETURNING true;

-- name: polls_held$
SELECT count(*) FROM polls WHERE session_id = :session_id;

-- name: shown_poll^
SELECT id, question, options, state FROM polls
WHERE session_id = :session_id AND state <> 'away';

-- name: add_answer$
-- Only while the poll is open, whoever closes it meanwhile: whether it was taken.
INSERT INTO poll_answers (poll_id, participant_id, heads)
SELECT id, :participant_id, :heads FROM polls WHERE id = :poll_id AND state = 'open' FOR SHARE
RETURNING true;

-- name: answers_of_poll
SELECT DISTINCT ON (participant_id) participant_id, heads
FROM poll_answers WHERE poll_id = :poll_id ORDER BY participant_id, id DESC;
