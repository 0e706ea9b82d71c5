-- Several control processes: what one of them writes about a session, the others are told at once.
--
-- Whoever writes (a page, the clock, an import, a person in psql), the row itself tells, on the
-- channel `session_changed`, with the session's id. Equal words of one transaction are one word.

-- Kept from everyone by the lead teacher: until now only the process knew that was told.
ALTER TABLE participants ADD COLUMN muted boolean NOT NULL DEFAULT false;

-- Being muted reserves nothing anew.
DROP TRIGGER reserve ON participants;
CREATE TRIGGER reserve
    AFTER INSERT OR UPDATE OF session_id, role, room_id, class_id, teacher_id, busy_from, busy_until
    ON participants FOR EACH ROW EXECUTE FUNCTION participants_reserve();

CREATE FUNCTION tell_of_session() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    changed jsonb := to_jsonb(coalesce(NEW, OLD));
    session text := changed ->> TG_ARGV[0];
BEGIN
    IF TG_ARGV[0] = 'participant_id' THEN
        SELECT session_id::text INTO session FROM participants
        WHERE id = (changed ->> 'participant_id')::uuid;
    END IF;
    IF session IS NOT NULL THEN
        PERFORM pg_notify('session_changed', session);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tell AFTER UPDATE OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('id');
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON participants
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT ON interactions
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT ON head_counts
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('participant_id');
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF state ON recordings
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
