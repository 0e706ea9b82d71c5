"""FET as an independent judge: `fet-cl` accepts our timetable and rejects a corrupted one."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from classroom_sync.formats.fet import TooFine, write
from scheduler.bells import Shift, period, shift
from scheduler.model import BellPeriod, BellSchedule, BusyTime, Lesson, Weeks
from tests.formats.books import CITY, HUB, NAMES

pytestmark = pytest.mark.system

_ON = CITY.term.starts_on
_SCHOOL = {group.id: group.school_code for group in NAMES.classes}
_BELLS = {schedule.school_code: schedule for schedule in CITY.bells}


def _busy(lesson: Lesson) -> list[tuple[str, int, Shift]]:
    hub = period(_BELLS[lesson.hub_code], lesson.period)
    return [
        (r.class_id, lesson.weekday, shift(hub, _BELLS[_SCHOOL[r.class_id]]))
        for r in lesson.receivers
    ]


def _sound() -> tuple[Lesson, ...]:
    """The demo city's lessons without those whose class would have to be in two at once: the
    office's file has some, because it pairs schools by period and not by clock time."""
    kept: list[Lesson] = []
    taken: list[tuple[str, int, Shift]] = []
    for lesson in CITY.lessons:
        if not any(
            group == other
            and day == weekday
            and mine.busy_from < theirs.busy_until
            and theirs.busy_from < mine.busy_until
            for group, day, mine in _busy(lesson)
            for other, weekday, theirs in taken
        ):
            kept.append(lesson)
            taken += _busy(lesson)
    return tuple(kept)


LESSONS = _sound()
_PATIENCE = 5.0  # seconds after which what could not be placed is called impossible


def judged(
    tmp_path: Path, lessons: Sequence[Lesson], week: int, busy: Sequence[BusyTime] = ()
) -> bool:
    """Whether fet-cl places every locked activity. It accepts within a fraction of a second; where
    it can't, it tries for ever (its time limit does not end that) and is told to stop."""
    program = shutil.which("fet-cl")
    assert program is not None, "the Debian package fet gives fet-cl"
    file = tmp_path / "week.fet"
    file.write_bytes(write(lessons, NAMES, CITY.bells, _ON, week, busy))
    command = [program, f"--inputfile={file}", f"--outputdir={tmp_path}", "--htmllevel=0"]
    env = {"HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    try:
        said, _ = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.terminate()
        said, _ = process.communicate()
    if "Simulation successful" in said:
        return process.returncode == 0
    if "Cannot precompute" in said:  # seen before any search
        return False
    stuck = (tmp_path / "logs" / "difficult_activities.txt").read_text("utf-8-sig")
    assert "inconsistency" in stuck, said + stuck
    return False


@pytest.mark.parametrize("week", [1, 2])
def test_fet_accepts_the_demo_citys_odd_and_even_weeks(tmp_path: Path, week: int) -> None:
    assert len(LESSONS) > 75
    assert judged(tmp_path, LESSONS, week, [b for b in CITY.busy if b.teacher_id])


def test_fet_rejects_what_the_office_paired_by_period(tmp_path: Path) -> None:
    assert len(CITY.lessons) > len(LESSONS)
    assert not judged(tmp_path, CITY.lessons, 1)


def _with(lesson: Lesson, **changes: object) -> list[Lesson]:
    return [replace(each, **changes) if each is lesson else each for each in LESSONS]  # type: ignore[arg-type]  # any field


def _two_at_once() -> tuple[Lesson, Lesson]:
    """Two lessons of one hub at the same time in every week."""
    for one in LESSONS:
        for other in LESSONS:
            if (
                one is not other
                and (one.hub_code, one.weekday, one.period)
                == (other.hub_code, other.weekday, other.period)
                and one.weeks is other.weeks is Weeks.ALL
            ):
                return one, other
    raise AssertionError("the demo city has lessons at the same time")


def test_fet_rejects_a_teacher_in_two_rooms_at_once(tmp_path: Path) -> None:
    one, other = _two_at_once()
    assert not judged(tmp_path, _with(one, lead_teacher_id=other.lead_teacher_id), 1)


def test_fet_rejects_two_lessons_in_one_room(tmp_path: Path) -> None:
    one, other = _two_at_once()
    assert not judged(tmp_path, _with(one, lead_room_id=other.lead_room_id), 1)


def test_fet_rejects_a_lesson_when_its_teacher_is_taken_by_the_own_school(tmp_path: Path) -> None:
    lesson = next(each for each in LESSONS if each.weeks is Weeks.ALL)
    taken = BusyTime(lesson.lead_teacher_id, None, lesson.weekday, lesson.period, "own class")
    assert not judged(tmp_path, LESSONS, 1, [taken])


def test_lessons_of_the_other_weeks_are_left_out() -> None:
    odd = write(LESSONS, NAMES, CITY.bells, _ON, 1)
    even = write(LESSONS, NAMES, CITY.bells, _ON, 2)
    ranged = [replace(each, week_from=2) for each in LESSONS]
    assert odd != even
    assert b"<Activity>" not in write(ranged, NAMES, CITY.bells, _ON, 1)


def test_a_day_of_more_stretches_than_fet_has_hours_is_refused() -> None:
    periods = tuple(
        BellPeriod(n + 1, time(n // 4 % 24, n % 4 * 15), time(n // 4 % 24, n % 4 * 15 + 10))
        for n in range(70)
    )
    schedules = [BellSchedule(s.code, date(2026, 8, 1), periods) for s in NAMES.schools]
    lessons = [replace(LESSONS[0], period=n, hub_code=HUB) for n in range(1, 71)]
    with pytest.raises(TooFine):
        write(lessons, NAMES, schedules, _ON, 1)
