"""Who teaches whom: who is still there, the teacher's subjects, the classes' grade and demand."""

from collections import Counter
from collections.abc import Iterator

from scheduler.board import Board, by_weeks, share_weeks
from scheduler.model import Weeks
from scheduler.rules.rule import Limit, Rule, Rules


class Retired(Rule):
    key = "retired"
    alone = True
    requirement = "{who} is still there"
    sentence = "{who} has left, or is closed: {lessons} on {day} at {time}."
    mend = "Choose somebody else, or take the lesson out."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        gone = {t.id for t in board.city.teachers if t.retired_on}
        gone |= {g.id for g in board.city.classes if g.retired_on}
        gone |= {s.code for s in board.city.schools if s.retired_on}
        if not gone:
            return
        for led in board.led:
            if led.teacher_id in gone:
                yield Limit((led,), 0, led.teacher_id, led.weeks)
        for session in board.sessions:
            if session.hub_code in gone:
                yield Limit((session,), 0, session.hub_code, session.weeks)
        for link in board.links:
            for who in sorted(gone & {link.class_id, link.assistant_id or "", link.school_code}):
                yield Limit((link,), 0, who, link.weeks)


class GradeMismatch(Rule):
    key = "grade_mismatch"
    alone = True
    requirement = "Classes of one grade join a session"
    sentence = "{who} is not of the grade of this lesson on {day} at {time}: {lessons}."
    mend = "Let the class join a session of its own grade."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for link in board.links:
            if board.city.class_group[link.class_id].grade != link.session.grade:
                yield Limit((link,), 0, link.class_id, link.weeks)


class SubjectNotTaught(Rule):
    key = "subject_not_taught"
    alone = True
    requirement = "{who} gives lessons of its own subjects, in its own school"
    sentence = "{who} does not teach this subject here: {lessons} on {day} at {time}."
    mend = "Choose a lead teacher of the hub who teaches the subject."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for led in board.led:
            teacher = board.city.teacher.get(led.teacher_id)
            if (
                teacher is None
                or led.subject not in teacher.subjects
                or led.hub_code != teacher.school_code
            ):
                yield Limit((led,), 0, led.teacher_id, led.weeks)


class MoreThanDemanded(Rule):
    key = "more_than_demanded"
    weight = 1
    by_demand = True
    requirement = "{who} has no more lessons than it needs"
    sentence = "{who} has {count} lessons of a subject of which it needs {limit}: {lessons}."
    mend = "Cancel a lesson, or raise the demand."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        wanted = Counter[tuple[str, str, Weeks]]()
        for demand in board.city.demands:
            for weeks in Weeks:
                if share_weeks(weeks, demand.weeks):
                    wanted[demand.class_id, demand.subject, weeks] += demand.lessons_per_week
        for (class_id, subject), links in board.by_class_and_subject.items():
            for weeks, some in by_weeks(links):
                yield Limit(some, wanted[class_id, subject, weeks], class_id, weeks)


class NoAssistant(Rule):
    key = "no_assistant"
    weight = 1
    requirement = "A teacher of {who} is with the class"
    sentence = "Nobody of {who} is with the class on {day} at {time}: {lessons}."
    mend = "Name an assistant teacher who is free then."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        """Assistants are named once the lessons stand: what is only possible has none yet."""
        for link in board.links:
            if link.lesson is not None and link.assistant_id is None:
                yield Limit((link,), 0, link.school_code, link.weeks)
