"""A coverage report of a small city, in plain values, with something of everything in it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from classroom_sync.reports.sixteen import INDICATORS
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import (
    BurnUpPoint,
    Cut,
    Dimension,
    Indicator,
    Measure,
    Report,
    Row,
    Unit,
    Week,
)
from scheduler.model import RoomTarget

AS_OF = datetime(2026, 11, 24, 10, 30, 5, tzinfo=UTC)
ZONE = "Asia/Shanghai"
SCHOOLS = {
    "2132000003": "新城实验学校",
    "2132000004": "春晖外来工子弟学校",
    "2132000005": "=1+1 民办学校",  # a hostile name
    "2132000006": "没有课的学校",
}
SUBJECTS = {"music": "音乐", "english": "英语"}
_MONDAY = date(2026, 8, 31)


def label(dimension: Dimension, key: str) -> str:
    """Names as the city's registers have them."""
    return {**SCHOOLS, **SUBJECTS}.get(key, key)


def indicators(size: int) -> tuple[Indicator, ...]:
    """All of the sixteen with different figures for every size; at 0 there is nothing to count."""
    found = [
        Indicator(
            1,
            "build_completion",
            (
                Measure("target_2020-12-31", Unit.SHARE, 16 + size, 16),
                Measure("target_2022-12-31", Unit.SHARE, 40 + size, 48),
            ),
        )
    ]
    for each in INDICATORS[1:]:
        measures = []
        for n, m in enumerate(each.measures):
            whole = size * (each.number * 7 + n * 3)
            match m.unit:
                case Unit.SHARE:
                    measures.append(Measure(m.slug, m.unit, whole - whole // 9, whole))
                case Unit.HOURS if each.number == 15:
                    measures.append(Measure(m.slug, m.unit, whole + 0.25))
                case _:
                    measures.append(Measure(m.slug, m.unit, whole * 97))
        found.append(Indicator(each.number, each.slug, tuple(measures)))
    return tuple(found)


def lessons_only(size: int) -> tuple[Indicator, ...]:
    """Of a subject: no targets, no schools."""
    return tuple(i for i in indicators(size) if i.number in {4, 5, 7, 8, 11, 12, 13, 14})


def report() -> Report:
    """Ten weeks, four schools of which one has nothing, two subjects, a forecast."""
    accepted = [
        BurnUpPoint(date(2020, 9, 1) + timedelta(days=95 * n), 4 + 4 * n, forecast=False)
        for n in range(9)
    ]
    return Report(
        cut=Cut(date(2026, 9, 1), date(2026, 11, 24)),
        as_of=AS_OF,
        rules=AttendanceRules(),
        indicators=indicators(23),
        breakdowns=(
            (
                Dimension.SCHOOL,
                tuple(Row(code, indicators(3 * n)) for n, code in enumerate(reversed(SCHOOLS))),
            ),
            (
                Dimension.SUBJECT,
                tuple(Row(slug, lessons_only(n + 1)) for n, slug in enumerate(SUBJECTS)),
            ),
        ),
        trend=tuple(
            Week(_MONDAY + timedelta(weeks=n), None if n == 4 else n + 1, indicators(n % 4))
            for n in range(10)
        ),
        targets=(
            RoomTarget(date(2020, 12, 31), 16, "seed"),
            RoomTarget(date(2022, 12, 31), 48, "seed"),
        ),
        burn_up=(
            *accepted,
            BurnUpPoint(date(2022, 10, 30), 36, forecast=False),
            BurnUpPoint(date(2022, 12, 31), 39, forecast=True),
            BurnUpPoint(date(2023, 7, 15), 48, forecast=True),
        ),
    )


def empty() -> Report:
    """A city before its first lesson and its first room."""
    whole = report()
    return replace(
        whole,
        indicators=indicators(0)[1:],
        breakdowns=((Dimension.SCHOOL, ()),),
        trend=(),
        targets=(),
        burn_up=(),
    )
