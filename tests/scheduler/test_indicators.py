"""Formulas by themselves: fractions, burn-up lines, teaching weeks."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scheduler.indicators.burn_up import burn_up
from scheduler.indicators.facts import RegisteredRoom, Registers, Tally
from scheduler.indicators.formulas import build_completion, indicators, meaning
from scheduler.indicators.schools import RegisteredSchool
from scheduler.indicators.values import BurnUpPoint, Dimension, IndicatorRules, Measure, Unit
from scheduler.indicators.weeks import SchoolWeek, counted_weeks, normal
from scheduler.model import CalendarDay, RoomTarget, Term

RULES = IndicatorRules()
TARGETS = (RoomTarget(date(2020, 12, 31), 16, "seed"), RoomTarget(date(2022, 12, 31), 48, "seed"))
TERM = Term(
    "t",
    "Autumn",
    "Asia/Shanghai",
    date(2026, 8, 31),
    date(2026, 9, 1),
    date(2026, 9, 30),
    (CalendarDay(date(2026, 9, 25), None), CalendarDay(date(2026, 9, 20), date(2026, 9, 25))),
)


def rooms(*accepted: date | None, hub: bool = False) -> tuple[RegisteredRoom, ...]:
    return tuple(RegisteredRoom(f"r{hub}{n}", "s", hub, 1, on) for n, on in enumerate(accepted))


def registers(*of: RegisteredRoom) -> Registers:
    schools = (RegisteredSchool("s", "h", 400, 20),)
    return Registers(of, schools, (), (), TARGETS, lambda _first, _last: schools)


def test_more_rooms_than_the_target_are_more_than_everything() -> None:
    early = rooms(*[date(2020, 12, 1)] * 20)
    found = build_completion(registers(*early), Dimension.CITY, RULES, date(2026, 1, 1))
    assert [m.ratio for m in found.measures] == [20 / 16, 20 / 48]


def test_a_room_accepted_after_a_deadline_counts_for_the_next_and_after_the_last_for_that() -> None:
    found = build_completion(
        registers(*rooms(date(2020, 12, 31), date(2021, 1, 1), date(2023, 5, 1), None)),
        Dimension.CITY,
        RULES,
        date(2024, 1, 1),
    )
    assert [m.numerator for m in found.measures] == [1, 3]


def test_rooms_of_hubs_count_only_if_the_setting_says_so() -> None:
    both = registers(*rooms(date(2020, 1, 1)), *rooms(date(2020, 1, 1), hub=True))
    day, without = date(2024, 1, 1), IndicatorRules(hub_rooms_count=False)
    tally = Tally(rooms_used=1)
    for rules, counted in ((RULES, 2), (without, 1)):
        found = {i.number: i for i in indicators(tally, both, rules, day, (Dimension.CITY, ""))}
        assert found[1].measures[0].numerator == counted
        assert found[3].measures[0].denominator == counted


def test_nothing_to_count_has_no_ratio() -> None:
    assert Measure("x", Unit.SHARE, 0, 0).ratio is None
    assert Measure("x", Unit.COUNT, 3).ratio is None


def test_class_hours_led_and_received_are_never_added() -> None:
    found = indicators(
        Tally(led=3, delivered=5), registers(), RULES, date(2026, 9, 1), (Dimension.CITY, "")
    )
    hours = next(i for i in found if i.number == 5)
    assert [(m.slug, m.numerator) for m in hours.measures] == [("led", 3), ("received", 5)]


def test_a_cut_within_a_cut_has_what_both_have_a_meaning_for() -> None:
    found = indicators(
        Tally(),
        registers(),
        RULES,
        date(2026, 9, 1),
        (Dimension.SCHOOL, "s"),
        (Dimension.SUBJECT, "music"),
    )
    both = meaning(Dimension.SCHOOL, "s") & meaning(Dimension.SUBJECT, "music")
    assert {i.number for i in found} == both
    assert meaning(Dimension.MODE, "research") == {15}
    assert meaning(Dimension.MODE, "push") == {16}
    pupils = next(i for i in found if i.number == 7)
    assert "reach" not in {m.slug for m in pupils.measures}  # enrolment is of no subject


def test_the_line_steps_at_acceptances_and_goes_on_at_its_mean_rate() -> None:
    accepted = [date(2020, 12, 1)] * 10 + [date(2020, 12, 20)] * 2
    found = burn_up(accepted, TARGETS, date(2021, 1, 9))  # 40 days for 12 rooms
    assert found == (
        BurnUpPoint(date(2020, 12, 1), 10, forecast=False),
        BurnUpPoint(date(2020, 12, 20), 12, forecast=False),
        BurnUpPoint(date(2020, 12, 31), 12, forecast=False),
        BurnUpPoint(date(2021, 1, 9), 12, forecast=False),
        BurnUpPoint(date(2021, 1, 9) + timedelta(days=120), 48, forecast=True),
    )


def test_nothing_is_forecast_without_a_rate_or_once_the_last_target_is_met() -> None:
    assert not any(p.forecast for p in burn_up([], TARGETS, date(2021, 1, 1)))
    assert not any(p.forecast for p in burn_up([date(2020, 1, 1)] * 48, TARGETS, date(2021, 1, 1)))


@given(st.lists(st.dates(date(2000, 1, 1), date(2090, 1, 1))), st.dates(date(2000, 1, 1)))
def test_the_line_never_falls(accepted: list[date], today: date) -> None:
    if today > date(9000, 1, 1):
        today = date(9000, 1, 1)
    points = burn_up(accepted, TARGETS, today)
    assert [p.rooms for p in points] == sorted(p.rooms for p in points)
    assert [p.day for p in points] == sorted({p.day for p in points})
    assert all(p.forecast == (p.day > today) for p in points)


def test_a_week_is_of_the_period_in_which_its_last_teaching_day_lies() -> None:
    terms = [(TERM, frozenset({2}))]
    found = counted_weeks(terms, date(2026, 9, 4), date(2026, 9, 24))
    # Week 2 has exams; week 4 ends on Thursday the 24th, as Friday is a holiday made up on Sunday.
    assert [(w.monday, w.last_day) for w in found] == [
        (date(2026, 8, 31), date(2026, 9, 4)),
        (date(2026, 9, 14), date(2026, 9, 20)),
        (date(2026, 9, 21), date(2026, 9, 24)),
    ]


@given(st.dates(date(2026, 9, 1), date(2026, 9, 29)))
def test_the_weeks_of_two_periods_are_those_of_both_together(cut: date) -> None:
    terms = [(TERM, frozenset({2}))]
    first = counted_weeks(terms, TERM.starts_on, cut)
    second = counted_weeks(terms, cut + timedelta(days=1), TERM.ends_on)
    assert first + second == counted_weeks(terms, TERM.starts_on, TERM.ends_on)


def test_a_school_is_regular_from_four_of_five_weeks() -> None:
    weeks = counted_weeks([(TERM, frozenset())], TERM.starts_on, TERM.ends_on)
    assert len(weeks) == 5
    found = [SchoolWeek("a", w.monday, 1) for w in weeks[:4]]
    found += [SchoolWeek("b", w.monday, 3) for w in weeks[:3]]
    found += [SchoolWeek("b", weeks[0].monday - timedelta(days=7), 3)]  # before the term
    used, regular = normal(found, weeks, RULES)
    assert len(used) == 7
    assert regular == {"a"}
    assert normal(found, weeks, IndicatorRules(regular_links=2))[1] == frozenset()
