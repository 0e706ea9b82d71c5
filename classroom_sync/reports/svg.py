"""Charts drawn on the server: SVG with a title and a description in words, no script, no style.

Colours are presentation attributes, so that a picture is whole on paper; the classes on the same
elements let a page's style sheet override them (a dark page, a wall). Beside each chart the caller
sets its table. Lengths are pixels of the view box.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, log10
from xml.etree import ElementTree as ET

from scheduler.indicators.values import BurnUpPoint
from scheduler.model import RoomTarget

_INK, _MUTED, _RULE = "#14211f", "#55645f", "#d8dfdc"
_DONE, _GOAL = "#14665c", "#b3261e"
_SERIES = ("#14665c", "#b5651d", "#2563a8", "#8e44ad")
_DASHES = ("none", "7 3", "2 3", "9 3 2 3")
_FONT = "Noto Sans SC, sans-serif"
_TEXT = 13.0
#: So that words can be read across lines.
_HALO = {"stroke": "#ffffff", "stroke-width": "3", "paint-order": "stroke"}


def wide(text: str) -> float:
    """About how many pixels a text takes: a Chinese character is a square."""
    return sum(_TEXT if ord(c) > 0x2E7F else _TEXT * 0.56 for c in text)


@dataclass(frozen=True, slots=True)
class Words:
    """A picture's name and what it says to who can't see it; `name` is unique on a page."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Series:
    """A line: one share in [0, 1] for each place, None where there was nothing to count."""

    label: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A share in [0, 1] and words beside it; None draws no bar. `href` opens what is behind."""

    label: str
    share: float | None
    words: str
    href: str | None = None


def _picture(words: Words, width: float, height: float) -> ET.Element:
    ids = f"{words.name}-title", f"{words.name}-description"
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:g} {height:g}",
            "class": "chart",
            "role": "img",
            "aria-labelledby": " ".join(ids),
            "font-family": _FONT,
            "font-size": f"{_TEXT:g}",
        },
    )
    ET.SubElement(svg, "title", {"id": ids[0]}).text = words.title
    ET.SubElement(svg, "desc", {"id": ids[1]}).text = words.description
    return svg


def _text(
    svg: ET.Element, x: float, y: float, text: str, anchor: str = "start", kind: str = "label"
) -> None:
    fill = {"tick": _MUTED, "goal-label": _GOAL}.get(kind, _INK)
    attributes = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, **_HALO}
    ET.SubElement(svg, "text", {**attributes, "class": kind, "fill": fill}).text = text


def _line(
    svg: ET.Element, points: Sequence[tuple[float, float]], kind: str, colour: str, **more: str
) -> None:
    path = " ".join(f"{'L' if n else 'M'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(points))
    extra = {name.replace("_", "-"): value for name, value in more.items()}
    ET.SubElement(svg, "path", {"d": path, "class": kind, "fill": "none", "stroke": colour} | extra)


def _drawn(svg: ET.Element) -> str:
    return ET.tostring(svg, encoding="unicode")


def steps(most: float, wanted: int = 4) -> list[int]:
    """Round numbers from 0 to `most` or just above it, about `wanted` apart."""
    rough = max(1.0, most) / wanted
    size = 10 ** int(log10(rough)) if rough >= 1 else 1
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    return [step * n for n in range(ceil(max(1.0, most) / step) + 1)]


def burn_up(
    points: Sequence[BurnUpPoint],
    targets: Sequence[RoomTarget],
    words: Words,
    forecast: str,
    width: float = 640,
    height: float = 300,
) -> str:
    """Rooms against dates: a stepped line, dashed and named `forecast` where it is not yet known;
    each target as a mark on its deadline. The flat end after the last deadline is cut short."""
    svg = _picture(words, width, height)
    left, right, top, bottom = 40.0, 30.0, 24.0, 30.0
    known = [p for p in points if not p.forecast]
    days = [t.deadline for t in targets] + [p.day for p in points if p.forecast]
    days += [p.day for n, p in enumerate(known) if n == 0 or p.rooms != known[n - 1].rooms]
    if not days:
        return _drawn(svg)
    first = min(days)
    margin = max(timedelta(days=30), (max(days) - first) * 0.06)
    last = min(max(days) + margin, max([p.day for p in points] + days) + margin)
    span = (last - first) / timedelta(days=1) or 1.0
    ticks = steps(max([t.rooms for t in targets] + [p.rooms for p in points]))

    def at(day: date, rooms: float) -> tuple[float, float]:
        x = left + (width - left - right) * ((min(day, last) - first) / timedelta(days=1)) / span
        return x, height - bottom - (height - top - bottom) * rooms / ticks[-1]

    for tick in ticks:
        y = at(first, tick)[1]
        _line(svg, [(left, y), (width - right, y)], "grid", _RULE)
        _text(svg, left - 6, y + 4, str(tick), "end", "tick")
    for year in range(first.year + 1, last.year + 1):
        x = at(date(year, 1, 1), 0)[0]
        _line(svg, [(x, top), (x, height - bottom)], "grid", _RULE)
        _text(svg, x, height - 10, str(year), "middle", "tick")
    labels: list[tuple[float, float, str, str]] = []  # written last: lines go behind words
    for target in targets:
        x, y = at(target.deadline, target.rooms)
        _line(svg, [(left, y), (x, y), (x, height - bottom)], "goal", _GOAL, stroke_dasharray="3 3")
        ET.SubElement(
            svg,
            "circle",
            {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "5", "class": "goal-mark", "fill": _GOAL},
        )
        said = f"{target.deadline.isoformat()} · {target.rooms}"
        near_left = x - wide(said) < left
        labels.append((x + 8, y - 8, said, "start") if near_left else (x - 8, y - 8, said, "end"))
    stepped = _stepped([at(p.day, p.rooms) for p in known if p.day <= last])
    if known and known[-1].day > last and stepped:
        stepped.append((width - right, stepped[-1][1]))
    if stepped:
        _line(svg, stepped, "done", _DONE, stroke_width="3")
        x, y = stepped[-1]
        below = any(abs(at(t.deadline, t.rooms)[1] - y) < 18 for t in targets)
        _text(svg, x - 4, y + (20 if below else -8), str(known[-1].rooms), "end")
    ahead = [p for p in points if p.forecast]
    if ahead:
        line = [*stepped[-1:], *(at(p.day, p.rooms) for p in ahead)]
        _line(svg, line, "forecast", _DONE, stroke_width="2", stroke_dasharray="6 5")
        x, foot = line[-1][0], height - bottom
        _line(svg, [line[-1], (x, foot)], "grid", _MUTED, stroke_dasharray="1 4")
        said = f"{forecast} {ahead[-1].day.isoformat()} · {ahead[-1].rooms}"
        _text(svg, x - 4, foot - 8, said, "end", "tick")
    for label in labels:
        _text(svg, *label, "goal-label")
    return _drawn(svg)


def _stepped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A count stays as it is until the day on which it changes."""
    found: list[tuple[float, float]] = []
    for x, y in points:
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return found


def trend(
    places: Sequence[str],
    series: Sequence[Series],
    words: Words,
    width: float = 640,
    height: float = 260,
) -> str:
    """Shares by week, each line with its name at its end; a week with nothing to count is a gap."""
    svg = _picture(words, width, height)
    left, top, bottom = 46.0, 14.0, 30.0
    right = max([90.0, *(wide(f" {each.label} 100.0%") + 12 for each in series)])
    room = width - left - right
    step = room / max(1, len(places) - 1)

    def at(place: int, value: float) -> tuple[float, float]:
        x = left + (place * step if len(places) > 1 else room / 2)
        return x, height - bottom - (height - top - bottom) * value

    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = at(0, tick)[1]
        _line(svg, [(left, y), (width - right, y)], "grid", _RULE)
        _text(svg, left - 6, y + 4, f"{tick:.0%}", "end", "tick")
    every = max(1, ceil(len(places) / 12))
    for n, name in enumerate(places):
        if (len(places) - 1 - n) % every == 0:  # the newest always has its name
            _text(svg, at(n, 0)[0], height - 10, name, "middle", "tick")
    ends: list[tuple[float, int]] = []
    for n, each in enumerate(series):
        colour = _SERIES[n % len(_SERIES)]
        known = [(place, v) for place, v in enumerate(each.values) if v is not None]
        for run in _runs(known):
            points = [at(place, v) for place, v in run]
            dash = {"stroke_dasharray": _DASHES[n % len(_DASHES)]}
            _line(svg, points, f"series-{n}", colour, stroke_width="2.5", **dash)
        for place, v in known:
            x, y = at(place, v)
            dot = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "3", "fill": colour}
            ET.SubElement(svg, "circle", {**dot, "class": f"series-{n}-dot"})
        if known:
            ends.append((at(*known[-1])[1], n))
    x = width - right + 10
    beside = _apart([y + 4 for y, _ in sorted(ends)], 16, height - bottom)
    for y, (_, n) in zip(beside, sorted(ends), strict=True):
        colour = _SERIES[n % len(_SERIES)]
        last = next(v for v in reversed(series[n].values) if v is not None)
        label = {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": f"series-{n}-label", "fill": colour}
        label |= _HALO
        ET.SubElement(svg, "text", label).text = f"{series[n].label} {last:.1%}"
    return _drawn(svg)


def _apart(wanted: Sequence[float], gap: float, lowest: float) -> list[float]:
    """Heights near those wanted (which ascend), `gap` apart, none below `lowest`: on the axis
    stand the names of the weeks."""
    found: list[float] = []
    for y in wanted:
        found.append(max(y, found[-1] + gap) if found else y)
    for n in range(len(found) - 1, -1, -1):
        found[n] = min(found[n], lowest - gap * (len(found) - 1 - n))
    return found


def _runs(known: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Neighbouring places together."""
    runs: list[list[tuple[int, float]]] = []
    for place, value in known:
        if runs and runs[-1][-1][0] == place - 1:
            runs[-1].append((place, value))
        else:
            runs.append([(place, value)])
    return runs


def bars(rows: Sequence[Bar], words: Words, width: float = 640, label_width: float = 150) -> str:
    """Horizontal bars on a scale from 0 to 100 %; more than 100 % goes to the edge."""
    high, gap, right = 20.0, 8.0, 150.0
    svg = _picture(words, width, gap + len(rows) * (high + gap))
    if any(bar.href is not None for bar in rows):
        svg.set("role", "group")  # what is inside of a picture can't be reached
    room = width - label_width - right
    for n, bar in enumerate(rows):
        y = gap + n * (high + gap)
        box = {"x": f"{label_width:g}", "y": f"{y:g}", "height": f"{high:g}", "rx": "3"}
        where = svg if bar.href is None else ET.SubElement(svg, "a", {"href": bar.href})
        _text(where, label_width - 8, y + 15, bar.label, "end")
        ET.SubElement(svg, "rect", {**box, "width": f"{room:g}", "class": "target", "fill": _RULE})
        if bar.share is not None:
            filled = f"{room * min(1.0, bar.share):.1f}"
            ET.SubElement(svg, "rect", {**box, "width": filled, "class": "done", "fill": _DONE})
        _text(svg, label_width + room + 10, y + 15, bar.words)
    return _drawn(svg)


def spark(values: Sequence[float | None], width: float = 120, height: float = 28) -> str:
    """A line without words or axes, from 0 to its largest; hidden from screen readers, since the
    table beside it says the same. Empty without two neighbouring values."""
    known = [(n, v) for n, v in enumerate(values) if v is not None]
    most = max((v for _, v in known), default=0.0) or 1.0
    step = (width - 6) / max(1, len(values) - 1)
    svg = ET.Element(
        "svg",
        {"viewBox": f"0 0 {width:g} {height:g}", "class": "spark", "aria-hidden": "true"},
    )
    runs = [run for run in _runs(known) if len(run) > 1]
    if not runs:
        return ""
    for run in runs:
        points = [(3 + n * step, height - 3 - (height - 6) * v / most) for n, v in run]
        _line(svg, points, "done", _DONE, stroke_width="2")
    x, y = 3 + known[-1][0] * step, height - 3 - (height - 6) * known[-1][1] / most
    dot = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "2.5", "class": "dot-end", "fill": _DONE}
    ET.SubElement(svg, "circle", dot)
    return _drawn(svg)
