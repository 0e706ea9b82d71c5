-- What is said, asked and answered in a lesson is told to every control process (0038), and so is a
-- room whose microphone is open only while somebody there holds its button.

ALTER TABLE participants ADD COLUMN push_to_talk boolean NOT NULL DEFAULT false;

CREATE TRIGGER tell AFTER INSERT ON lesson_messages
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON polls
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('session_id');
CREATE TRIGGER tell AFTER INSERT ON poll_answers
    FOR EACH ROW EXECUTE FUNCTION tell_of_session('participant_id');
