"""Small cities for the timetable tests: built by hand, or drawn by hypothesis."""

from dataclasses import replace
from datetime import date, time

from hypothesis import strategies as st

from scheduler.city import BlockedPeriod, City, Reservation, ShiftDecision
from scheduler.model import (
    BellPeriod,
    BellSchedule,
    BusyTime,
    ClassGroup,
    Demand,
    Room,
    RoomKind,
    RoomStatus,
    School,
    SchoolRole,
    Subject,
    Teacher,
    Weeks,
)

HUB, FAR, NEAR = "2132000001", "2132000002", "2132000003"
SINCE = date(2026, 8, 31)
SUBJECTS = (Subject("music", "音乐", "Music"), Subject("art", "美术", "Art"))


def bells(school: str, *starts: str) -> BellSchedule:
    """Forty-minute periods from the given times on."""
    periods = []
    for number, text in enumerate(starts, start=1):
        begins = time.fromisoformat(text)
        end = begins.hour * 60 + begins.minute + 40
        periods.append(BellPeriod(number, begins, time(end // 60, end % 60)))
    return BellSchedule(school, SINCE, tuple(periods))


def room(school: str, number: int, kind: RoomKind) -> Room:
    name = f"{school}-R{number}"
    return Room(name, school, f"R{number}", kind, 1, RoomStatus.ACCEPTED, SINCE, SINCE)


def city(**changes: object) -> City:
    """A hub with two rooms and two music teachers; two schools with a room and two classes each.

    The far school's bells ring ten minutes earlier than the hub's, the near school's with it.
    """
    plain = City(
        schools=(
            School(HUB, "Hub", "Hub", SchoolRole.HUB, None, 100),
            School(FAR, "Far", "Far", SchoolRole.RECEIVING, HUB, 20),
            School(NEAR, "Near", "Near", SchoolRole.RECEIVING, HUB, 20),
        ),
        rooms=(
            *(room(HUB, n, RoomKind.LEAD) for n in (1, 2)),
            *(room(code, 1, RoomKind.INTERACTIVE) for code in (FAR, NEAR)),
        ),
        teachers=(
            *(Teacher(f"{HUB}-T{n}", HUB, f"Lead {n}", "lead", ("music",), 3) for n in (1, 2)),
            *(
                Teacher(f"{code}-A{n}", code, f"Helper {n}", "assistant", (), 3)
                for code in (FAR, NEAR)
                for n in (1, 2)
            ),
        ),
        classes=tuple(
            ClassGroup(f"{code}-{name}", code, name, 3, 40)
            for code in (FAR, NEAR)
            for name in ("301", "302")
        ),
        bells=(
            bells(HUB, "08:30", "09:25", "13:00"),
            bells(FAR, "08:20", "09:15", "12:50"),
            bells(NEAR, "08:30", "09:25", "13:00"),
        ),
        demands=tuple(
            Demand(f"{code}-{name}", "music", 1, Weeks.ALL)
            for code in (FAR, NEAR)
            for name in ("301", "302")
        ),
        subjects=SUBJECTS,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # checked by the dataclass's users


@st.composite
def cities(draw: st.DrawFn) -> City:
    """Cities of one hub and two schools, tight enough that some have no whole timetable."""
    starts = ("08:30", "09:25", "11:20", "12:30", "13:10")
    offset = draw(st.sampled_from((0, 10, 35)))
    far = [time(int(s[:2]), int(s[3:])) for s in starts]
    shifted = [
        f"{(t.hour * 60 + t.minute - offset) // 60:02}:{(t.hour * 60 + t.minute - offset) % 60:02}"
        for t in far
    ]
    count = draw(st.integers(2, 5))
    hub_rooms, far_rooms = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    teachers = tuple(
        Teacher(
            f"{HUB}-T{n}",
            HUB,
            f"Lead {n}",
            "lead",
            draw(st.sampled_from((("music",), ("art",), ("music", "art")))),
            draw(st.integers(1, 3)),
        )
        for n in range(draw(st.integers(1, 3)))
    )
    classes = tuple(
        ClassGroup(f"{code}-{grade}0{n}", code, f"{grade}0{n}", grade, 40)
        for code in (FAR, NEAR)
        for grade in (3, 4)
        for n in range(1, draw(st.integers(1, 2)) + 1)
    )
    wishes = draw(
        st.lists(
            st.tuples(st.sampled_from(classes), st.sampled_from(("music", "art"))),
            min_size=1,
            max_size=6,
            unique=True,
        )
    )
    slots = st.tuples(st.integers(1, 5), st.integers(1, count))
    people = [t.id for t in teachers]
    return City(
        schools=(
            School(HUB, "Hub", "Hub", SchoolRole.HUB, None, draw(st.sampled_from((20, 40, 100)))),
            School(FAR, "Far", "Far", SchoolRole.RECEIVING, HUB, draw(st.sampled_from((10, 20)))),
            School(NEAR, "Near", "Near", SchoolRole.RECEIVING, HUB, 20),
        ),
        rooms=(
            *(room(HUB, n, RoomKind.LEAD) for n in range(hub_rooms)),
            *(room(FAR, n, RoomKind.INTERACTIVE) for n in range(far_rooms)),
            room(NEAR, 1, RoomKind.INTERACTIVE),
        ),
        teachers=teachers,
        classes=classes,
        bells=(
            bells(HUB, *starts[:count]),
            bells(FAR, *shifted[:count]),
            bells(NEAR, *starts[:count]),
        ),
        demands=tuple(
            Demand(
                group.id,
                subject,
                draw(st.integers(1, 3)),
                draw(st.sampled_from((Weeks.ALL, Weeks.ALL, Weeks.ODD, Weeks.EVEN))),
            )
            for group, subject in wishes
        ),
        busy=tuple(
            BusyTime(None, draw(st.sampled_from(classes)).id, day, period, "own")
            if draw(st.booleans())
            else BusyTime(draw(st.sampled_from(people)), None, day, period, "own")
            for day, period in draw(st.lists(slots, max_size=8))
        ),
        blocked=tuple(
            BlockedPeriod(draw(st.sampled_from((None, FAR))), day, period, "research")
            for day, period in draw(st.lists(slots, max_size=2))
        ),
        decisions=tuple(
            ShiftDecision(FAR, HUB, period, draw(st.booleans()))
            for period in draw(st.lists(st.integers(1, count), max_size=2, unique=True))
        ),
        reservations=tuple(
            Reservation(f"{HUB}-R0", day, 8 * 60, 9 * 60, draw(st.sampled_from(Weeks)), "other")
            for day, _ in draw(st.lists(slots, max_size=2))
        ),
        subjects=SUBJECTS,
    )
