-- One timetable of a term holds on a day, and a class's lesson is made up once.

-- Where versions were published out of the order of their days, the one published last holds; a
-- version that never holds ends the day before it begins.
UPDATE timetable_versions v
SET state = CASE WHEN f.later IS NULL THEN v.state ELSE 'superseded' END,
    valid_until = greatest(least(v.valid_until, f.later - 1), v.valid_from - 1)
FROM (SELECT o.id, (SELECT min(n.valid_from) FROM timetable_versions n
                    WHERE n.term_id = o.term_id AND n.state <> 'draft'
                      AND (n.published_at, n.number) > (o.published_at, o.number)) AS later
      FROM timetable_versions o WHERE o.state <> 'draft') f
WHERE f.id = v.id AND (v.valid_until IS NOT NULL OR f.later IS NOT NULL);

ALTER TABLE timetable_versions
    ADD CONSTRAINT ends_where_it_begins_or_later CHECK (valid_until >= valid_from - 1),
    ADD CONSTRAINT one_version_a_day EXCLUDE USING gist
        (term_id WITH =, daterange(valid_from, valid_until + 1) WITH &&) WHERE (state <> 'draft');

-- A lesson whose classes go to different times has several make-ups, each class in one of them.
CREATE TABLE makeup_links (
    participant_id  uuid PRIMARY KEY REFERENCES participants ON DELETE CASCADE,
    makes_up_id     uuid NOT NULL REFERENCES sessions,
    class_id        text NOT NULL REFERENCES class_groups,
    CONSTRAINT one_makeup_a_class UNIQUE (makes_up_id, class_id)
);

-- They follow sessions and participants by themselves, as reservations do.
CREATE FUNCTION link_makeup(p participants) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM makeup_links WHERE participant_id = p.id;
    INSERT INTO makeup_links
    SELECT p.id, s.makes_up_id, p.class_id FROM sessions s
    WHERE s.id = p.session_id AND s.makes_up_id IS NOT NULL AND p.role = 'receiving'
      AND s.state NOT IN ('cancelled', 'missed');
END $$;

CREATE FUNCTION participants_link_makeup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM link_makeup(NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER link_makeup AFTER INSERT OR UPDATE OF session_id, role, class_id ON participants
    FOR EACH ROW EXECUTE FUNCTION participants_link_makeup();

CREATE FUNCTION sessions_link_makeup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM link_makeup(p) FROM participants p WHERE p.session_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER link_makeup AFTER UPDATE OF state, makes_up_id ON sessions
    FOR EACH ROW WHEN (NEW.makes_up_id IS NOT NULL OR OLD.makes_up_id IS NOT NULL)
    EXECUTE FUNCTION sessions_link_makeup();

SELECT count(link_makeup(p))
FROM participants p JOIN sessions s ON s.id = p.session_id WHERE s.makes_up_id IS NOT NULL;

DROP INDEX one_makeup_a_session;
CREATE INDEX sessions_by_made_up ON sessions (makes_up_id) WHERE makes_up_id IS NOT NULL;

GRANT SELECT ON makeup_links TO classroom_sync_app;
