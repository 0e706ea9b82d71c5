-- name: take_register^
-- Lock the register: one process at a time goes through the events.
SELECT refreshed_at, state FROM feed_register FOR UPDATE;

-- name: state$
-- A hash of all that the events follow from: versions, calendar, bells, and sessions since then.
SELECT md5(concat_ws('|', CAST(:since AS timestamptz),
    (SELECT string_agg(v::text, ',' ORDER BY id) FROM timetable_versions v WHERE state <> 'draft'),
    (SELECT string_agg(t::text, ',' ORDER BY id) FROM terms t),
    (SELECT string_agg(d::text, ',' ORDER BY term_id, day, source) FROM calendar_days d),
    (SELECT string_agg(b::text, ',' ORDER BY school_code, valid_from, period)
     FROM bell_periods b),
    (SELECT string_agg(concat_ws(' ', id, lesson_id, starts_at, ends_at,
                                 state IN ('cancelled', 'missed')), ',' ORDER BY id)
     FROM sessions WHERE starts_at >= :since),
    (SELECT string_agg(concat_ws(' ', m.session_id, m.title), ',' ORDER BY m.session_id)
     FROM meetings m JOIN sessions s ON s.id = m.session_id WHERE s.starts_at >= :since),
    (SELECT string_agg(concat_ws(' ', p.id, p.room_id, p.class_id, p.teacher_id), ','
                       ORDER BY p.id)
     FROM participants p JOIN sessions s ON s.id = p.session_id WHERE s.starts_at >= :since)));

-- name: set_refreshed!
UPDATE feed_register SET refreshed_at = :at, state = :state;

-- name: events_since
SELECT * FROM feed_events WHERE starts_at >= :since ORDER BY starts_at, uid;

-- name: events_of
-- Events of one feed that end after an instant.
SELECT * FROM feed_events
WHERE who @> ARRAY[CAST(:who AS text)] AND ends_at > :since ORDER BY starts_at, uid;

-- name: put_event*!
-- An event stays in the feeds of those who were in it before, so that they hear of the change.
INSERT INTO feed_events (uid, lesson_id, session_id, kind, on_day, subject, starts_at, ends_at,
                         lead_teacher_id, lead_room_id, receivers, cancelled, title,
                         members, sequence, created_at, changed_at, who)
VALUES (:uid, :lesson_id, :session_id, :kind, :on_day, :subject, :starts_at, :ends_at,
        :lead_teacher_id, :lead_room_id, :receivers, :cancelled, :title, :members,
        :sequence, :created_at, :changed_at, :who)
ON CONFLICT (uid) DO UPDATE
SET lesson_id = excluded.lesson_id, session_id = excluded.session_id, kind = excluded.kind,
    on_day = excluded.on_day, subject = excluded.subject, starts_at = excluded.starts_at,
    ends_at = excluded.ends_at, lead_teacher_id = excluded.lead_teacher_id,
    lead_room_id = excluded.lead_room_id, receivers = excluded.receivers,
    cancelled = excluded.cancelled, title = excluded.title, members = excluded.members,
    sequence = excluded.sequence,
    changed_at = excluded.changed_at,
    who = ARRAY(SELECT DISTINCT unnest(feed_events.who || excluded.who));

-- name: add_token$
INSERT INTO feed_tokens (token_hash, scope, subject_id, locale, made_by, made_at)
VALUES (:token_hash, :scope, :subject_id, :locale, :made_by, :made_at)
RETURNING id;

-- name: token^
-- Of an account that is disabled none is good.
SELECT t.id, t.scope, t.subject_id, t.locale, t.made_by, t.made_at, t.used_at, t.revoked_at
FROM feed_tokens t JOIN accounts a ON a.id = t.made_by
WHERE t.token_hash = :token_hash AND t.revoked_at IS NULL AND a.disabled_at IS NULL;

-- name: tokens_of
-- The addresses that hold of one account, the newest first.
SELECT id, scope, subject_id, locale, made_by, made_at, used_at, revoked_at
FROM feed_tokens WHERE made_by = :made_by AND revoked_at IS NULL
ORDER BY made_at DESC, id;

-- name: use_token!
UPDATE feed_tokens SET used_at = :at WHERE id = :id;

-- name: revoke_token$
UPDATE feed_tokens SET revoked_at = :at
WHERE id = :id AND made_by = :made_by AND revoked_at IS NULL RETURNING true;

-- name: all_tokens
-- The addresses that hold, with the login of who made each, the newest first.
SELECT t.id, t.scope, t.subject_id, t.locale, t.made_by, t.made_at, t.used_at, t.revoked_at, a.login
FROM feed_tokens t JOIN accounts a ON a.id = t.made_by
WHERE t.revoked_at IS NULL ORDER BY t.made_at DESC, t.id;
