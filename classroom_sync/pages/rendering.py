"""Templates with what every page needs: language, visitor, local times, and labelled states."""

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from classroom_sync.i18n import LOCALES, counting, translator
from classroom_sync.keys import LOCALE, NOW, SETTINGS, VISITOR
from scheduler import words
from scheduler.model import DEFAULT_ZONE

_HERE = Path(__file__).parent.parent
_REMINDED = timedelta(days=14)  # before a password has to be changed


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _weekday(locale: str, day: date) -> str:
    names = {
        "zh-CN": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
        "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    }
    return names[locale][day.weekday()]


async def page(
    request: web.Request, template: str, *, status: int = 200, **values: Any
) -> web.Response:
    """Render a template for whoever asks. Times are shown in `zone` (the term's)."""
    locale = request.get(LOCALE) or LOCALES[0]
    zone = ZoneInfo(values.pop("zone", DEFAULT_ZONE))

    def local(instant: datetime, form: str = "%H:%M") -> str:
        return instant.astimezone(zone).strftime(form)

    def day(instant: datetime | date) -> str:
        of = instant.astimezone(zone).date() if isinstance(instant, datetime) else instant
        return f"{of.isoformat()} {_weekday(locale, of)}"

    until = _password_until(request)
    text = (
        environment()
        .get_template(template)
        .render(
            _=translator(locale),
            _n=counting(locale),
            comma=words.comma(locale),
            locale=locale,
            other_locale=next(each for each in LOCALES if each != locale),
            kept_query=urlencode({n: v for n, v in request.query.items() if n != "lang"}),
            visitor=request.get(VISITOR),
            password_until=until,
            password_overdue=until is not None and until <= request.app[NOW](),
            path=request.path,
            local=local,
            day=day,
            zone=zone.key,
            percent=_percent,
            static=_static,
            **values,
        )
    )
    return web.Response(text=text, content_type="text/html", status=status)


def _password_until(request: web.Request) -> datetime | None:
    """When the visitor's password has to be changed, from a fortnight before."""
    visitor = request.get(VISITOR)
    if visitor is None or visitor.password_set_at is None or visitor.by_identity:
        return None
    until = request.app[SETTINGS].entry_rules.password_until(visitor.password_set_at)
    return until if until is not None and until - request.app[NOW]() < _REMINDED else None


def _percent(ratio: float | None) -> str:
    """A share for people; a zero denominator prints "—"."""
    return "—" if ratio is None else f"{ratio:.0%}"


@cache
def _static(name: str) -> str:
    """The address of a static file, with its version."""
    file = _HERE / "static" / name
    return f"/static/{name}?v={int(file.stat().st_mtime):x}"
