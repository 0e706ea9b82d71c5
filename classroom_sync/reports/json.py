"""The report as JSON, with names and definitions in both languages and the rules it rests on."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from classroom_sync.reports import definitions
from classroom_sync.reports.document import Label
from classroom_sync.reports.numbers import exact
from classroom_sync.reports.sixteen import INDICATORS
from classroom_sync.reports.words import Text
from scheduler.indicators.values import Indicator, Report


def write(report: Report, label: Label) -> bytes:
    """The file's bytes, UTF-8; names of schools, rooms and people as `label` says them."""
    return (json.dumps(content(report, label), ensure_ascii=False, indent=1) + "\n").encode()


def content(report: Report, label: Label) -> dict[str, Any]:
    """What is written: dates and instants as ISO 8601, durations in seconds."""
    cut = report.cut
    return {
        "since": cut.since.isoformat(),
        "until": cut.until.isoformat(),
        "dimension": cut.dimension.value,
        "key": cut.key,
        "name": label(cut.dimension, cut.key),
        "as_of": report.as_of.isoformat(),
        "rules": {
            name: value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in asdict(report.rules).items()
        },
        "choices": asdict(report.choices),
        "thresholds": [_text(t) for t in definitions.thresholds(report.rules, report.choices)],
        "indicators": _indicators(report.indicators),
        "breakdowns": {
            dimension.value: [
                {
                    "key": row.key,
                    "name": label(dimension, row.key),
                    "indicators": _indicators(row.indicators),
                }
                for row in rows
            ]
            for dimension, rows in report.breakdowns
        },
        "trend": [
            {
                "monday": week.monday.isoformat(),
                "week": week.number,
                "indicators": _indicators(week.indicators),
            }
            for week in report.trend
        ],
        "targets": [
            {"deadline": t.deadline.isoformat(), "rooms": t.rooms, "source": t.source}
            for t in report.targets
        ],
        "burn_up": [
            {"day": p.day.isoformat(), "rooms": p.rooms, "forecast": p.forecast}
            for p in report.burn_up
        ],
        "definitions": [
            {
                "number": each.number,
                "slug": each.slug,
                "name": _text(each.name),
                "definition": _text(each.definition),
                "measures": [
                    {
                        "slug": m.slug,
                        "name": _text(m.name),
                        "unit": m.unit.value,
                        "formula": {"zh-CN": m.formula("zh-CN"), "en": m.formula("en")},
                    }
                    for m in each.measures
                ],
            }
            for each in INDICATORS
        ],
    }


def _text(text: Text) -> dict[str, str]:
    return {"zh-CN": text.zh, "en": text.en}


def _indicators(indicators: tuple[Indicator, ...]) -> list[dict[str, Any]]:
    return [
        {
            "number": found.number,
            "slug": found.slug,
            "measures": [
                {
                    "slug": m.slug,
                    "unit": m.unit.value,
                    "numerator": exact(m.numerator),
                    "denominator": None if m.denominator is None else exact(m.denominator),
                    "ratio": m.ratio,
                }
                for m in found.measures
            ],
        }
        for found in indicators
    ]
