"""Charts: what they say in words, to the scale they are drawn, without style or script."""

from dataclasses import replace
from datetime import date
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from classroom_sync.reports import definitions, pictures, svg
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import BurnUpPoint, Dimension, IndicatorRules, Row
from tests.reports.samples import empty, indicators, label, report

SVG = "{http://www.w3.org/2000/svg}"
WORDS = svg.Words("x", "title", "description")


def drawn(picture: pictures.Picture | None) -> ET.Element:
    assert picture is not None
    return ET.fromstring(picture.svg)


def texts(of: ET.Element) -> list[str]:
    return [each.text or "" for each in of.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (7, [0, 2, 4, 6, 8]),
        (16, [0, 5, 10, 15, 20]),
        (48, [0, 20, 40, 60]),
        (480, [0, 200, 400, 600]),
    ],
)
def test_an_axis_has_round_numbers_up_to_the_largest(most: float, expected: list[int]) -> None:
    assert svg.steps(most) == expected


def test_every_chart_has_its_title_and_description() -> None:
    whole = report()
    dimension, rows = whole.breakdowns[0]
    for picture in (
        pictures.build_progress(whole, "zh-CN"),
        pictures.weekly(whole, "zh-CN"),
        pictures.delivered(dimension, rows, label, "zh-CN"),
    ):
        chart = drawn(picture)
        title, said = chart.find(f"{SVG}title"), chart.find(f"{SVG}desc")
        assert picture is not None
        assert title is not None
        assert said is not None
        assert picture.alt == f"{title.text}. {said.text}"
        assert chart.get("aria-labelledby") == f"{title.get('id')} {said.get('id')}"
        assert "style=" not in picture.svg
        assert "<script" not in picture.svg


def test_the_forecast_is_dashed_and_named() -> None:
    whole = report()
    chart = drawn(pictures.build_progress(whole, "en"))
    [line] = [each for each in chart.iter(f"{SVG}path") if each.get("class") == "forecast"]
    assert line.get("stroke-dasharray")
    assert "forecast 2023-07-15 · 48" in texts(chart)
    known = replace(whole, burn_up=tuple(p for p in whole.burn_up if not p.forecast))
    assert "forecast" not in " ".join(texts(drawn(pictures.build_progress(known, "en"))))


def test_the_targets_stand_at_their_heights() -> None:
    chart = drawn(pictures.build_progress(report(), "en"))
    marks = [each for each in chart.iter(f"{SVG}circle") if each.get("class") == "goal-mark"]
    sixteen, fortyeight = (270 - float(mark.get("cy", "0")) for mark in marks)  # above the axis
    assert fortyeight / sixteen == pytest.approx(3, rel=1e-3)


def test_years_of_nothing_new_are_cut_short() -> None:
    whole = report()
    long = (*whole.burn_up[:9], BurnUpPoint(date(2040, 1, 1), 36, forecast=False))
    chart = drawn(pictures.build_progress(replace(whole, burn_up=long), "en"))
    assert "2030" not in texts(chart)


def test_a_week_with_nothing_to_count_is_a_gap_in_the_line() -> None:
    series = svg.Series("a", (0.5, 0.75, None, 1.0, 0.5))
    chart = ET.fromstring(svg.trend(["1", "2", "3", "4", "5"], [series], WORDS))
    lines = [each for each in chart.iter(f"{SVG}path") if each.get("class") == "series-0"]
    assert len(lines) == 2
    assert "a 50.0%" in texts(chart)


def test_the_lowest_are_drawn_where_there_are_too_many() -> None:
    rows = tuple(Row(f"r{n:02}", indicators(n)) for n in range(30))
    picture = pictures.delivered(Dimension.ROOM, rows, label, "en")
    assert picture is not None
    assert "the lowest 20 of 30" in picture.alt
    shown = texts(drawn(picture))[::2]
    ratios = {row.key: row.indicators[3].measures[0].ratio for row in rows}
    left_out = [v for key, v in ratios.items() if key not in shown and v is not None]
    assert max(v for key, v in ratios.items() if key in shown and v is not None) <= min(left_out)


def test_a_bar_opens_what_is_behind_it() -> None:
    dimension, rows = report().breakdowns[0]
    picture = pictures.delivered(dimension, rows, label, "en", lambda key: f"/behind/{key}")
    chart = drawn(picture)
    assert [a.get("href") for a in chart.iter(f"{SVG}a")] == [f"/behind/{row.key}" for row in rows]
    assert chart.get("role") == "group", "links within a picture can't be reached"
    assert drawn(pictures.delivered(dimension, rows, label, "en")).get("role") == "img"


def test_nothing_is_drawn_of_a_single_week() -> None:
    assert svg.spark([None, 0.5, None]) == ""
    assert pictures.weekly(empty(), "en") is None


def test_every_measure_is_defined_in_both_languages() -> None:
    assert [each.number for each in definitions.INDICATORS] == list(range(1, 17))
    for i in indicators(1):
        for m in i.measures:
            defined = definitions.measure(i.number, m.slug)
            assert defined.unit is m.unit
            assert (defined.of is None) == (m.denominator is None)
            assert defined.formula("zh-CN") != defined.formula("en")


def test_the_thresholds_are_those_of_the_rules() -> None:
    rules = AttendanceRules(valid_share=0.75)
    assert "75%" in next(definitions.thresholds(rules, IndicatorRules())).en
    assert "75%" in next(definitions.thresholds(rules, IndicatorRules())).zh


def test_the_names_of_lines_along_the_axis_stay_apart_and_above_the_names_of_the_weeks() -> None:
    series = [svg.Series(name, (0.0, 0.0)) for name in ("one", "two", "three")]
    chart = ET.fromstring(svg.trend(["W13", "W14"], series, WORDS))
    heights = {each.text: float(each.get("y", "0")) for each in chart.iter(f"{SVG}text")}
    beside = sorted(heights[f"{name} 0.0%"] for name in ("one", "two", "three"))
    assert [b - a for a, b in pairwise(beside)] == [16.0, 16.0]
    assert beside[-1] <= heights["W14"] - 13  # a line of text
