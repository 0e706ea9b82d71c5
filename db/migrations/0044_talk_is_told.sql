-- What is said, asked and answered in a lesson is told to every control process (0038), and so is a
-- room whose microphone is open only while somebody there holds its button.

ALTER TABLE participants ADD COLUMN push_to_talk boolean NOT NULL DEFAULT false;

CREATE TRIGGER tell AFTER INSERT ON lesson_messages
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON polls
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT ON poll_answers
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('participant_id');

-- So is what stands in a meeting: its agenda, its notes, its plan.
CREATE TRIGGER tell AFTER UPDATE ON meetings
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON agenda_items
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT ON agenda_turns
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT ON meeting_notes
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');

CREATE FUNCTION tell_of_plan() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('session_changed', session_id::text) FROM meetings WHERE plan_id = NEW.plan_id;
    RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON lesson_plan_versions
    FOR EACH ROW EXECUTE FUNCTION tell_of_plan();
