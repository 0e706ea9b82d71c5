"""Thresholds are configuration, and their version tells one set of them from another."""

from datetime import timedelta

import pytest

from classroom_sync.settings import BadSettings, load
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import IndicatorRules


def test_the_shipped_thresholds_are_those_of_the_rules() -> None:
    assert load().attendance_rules == AttendanceRules()
    assert load().indicator_rules == IndicatorRules()


def test_other_thresholds_have_another_version_and_the_same_ones_the_same() -> None:
    strict = load(valid_share=0.9, interruption_seconds=30).attendance_rules
    assert (strict.valid_share, strict.interruption) == (0.9, timedelta(seconds=30))
    assert strict.version.startswith("2026-1-")
    assert load(valid_share=0.9, interruption_seconds=30).attendance_rules == strict
    assert load(valid_share=0.9).attendance_rules.version != strict.version


def test_what_is_counted_can_be_chosen() -> None:
    chosen = {
        "hub_rooms_count": False,
        "regular_links": 2,
        "delay_limit_ms": 200,
        "watched_share": 0.6,
    }
    assert load(**chosen).indicator_rules == IndicatorRules(**chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"valid_share": 1.1}, {"partial_share": 0.9}, {"makeup_school_days": 0}, {"watched_share": 0}],
)
def test_thresholds_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadSettings, match=r"share|makeup-school-days"):
        load(**wrong)
