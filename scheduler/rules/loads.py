"""How much of a day and of a week a teacher or a class can take."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from scheduler.board import Board, by_weeks, grouped
from scheduler.rules.rule import Limit, Rule, Rules


class TeacherDay(Rule):
    key = "teacher_day"
    requirement = "{who} has at most {limit} lessons a day"
    sentence = "{who} has {count} lessons on {day}; {limit} are allowed: {lessons}."
    mend = "Move a lesson to another day, or let another teacher take it."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for teacher_id, items in board.by_teacher.items():
            teacher = board.city.teacher.get(teacher_id)
            if teacher is not None:
                for day in grouped(items, lambda i: i.weekday).values():
                    for weeks, some in by_weeks(day):
                        yield Limit(some, teacher.max_lessons_per_day, teacher_id, weeks)


class ClassDay(Rule):
    key = "class_day"
    requirement = "{who} listens to at most {limit} lessons a day"
    sentence = "{who} listens to {count} lessons on {day}; {limit} are allowed: {lessons}."
    mend = "Move a lesson to another day."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for class_id, links in board.by_class.items():
            for day in grouped(links, lambda k: k.weekday).values():
                for weeks, some in by_weeks(day):
                    yield Limit(some, rules.class_lessons_a_day, class_id, weeks)


class SubjectTwiceADay(Rule):
    key = "subject_twice_a_day"
    requirement = "{who} has a subject once a day"
    sentence = "{who} has the same subject {count} times on {day}: {lessons}."
    mend = "Move one of the lessons to another day."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for (class_id, _), links in board.by_class_and_subject.items():
            for day in grouped(links, lambda k: k.weekday).values():
                for weeks, some in by_weeks(day):
                    yield Limit(some, 1, class_id, weeks)


class Spread(Rule):
    key = "spread"
    weight = 1
    requirement = "Lessons of one subject of {who} are spread over the week"
    sentence = "{who} has the same subject on two days running, from {day} on: {lessons}."
    mend = "A day between the two lessons would spread them better."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        wanted: Counter[tuple[str, str]] = Counter()
        for demand in board.city.demands:
            wanted[demand.class_id, demand.subject] += demand.lessons_per_week
        for (class_id, subject), links in board.by_class_and_subject.items():
            if wanted[class_id, subject] < 2:
                continue
            days = grouped(links, lambda k: k.weekday)
            for one, next_one in pairwise(range(1, 8)):
                if one in days and next_one in days:
                    for weeks, some in by_weeks([*days[one], *days[next_one]]):
                        yield Limit(some, 1, class_id, weeks)


class FewSessions(Rule):
    key = "few_sessions"
    weight = 10
    tells = False
    requirement = "Classes share sessions, so that {who} gives few"
    sentence = "{lessons} is one session."
    mend = "Classes of one grade can join one session."

    def limits(self, board: Board, rules: Rules) -> Iterator[Limit]:
        for session in board.sessions:
            about = session.teacher_id or session.hub_code
            yield Limit((session,), 0, about, session.weeks)
