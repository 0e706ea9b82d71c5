"""Marks beside a lesson: odd or even weeks 单双周, a range of weeks 3-10周, broadcast 直播."""

import re
import unicodedata
from dataclasses import dataclass

from scheduler.model import Weeks

_DASH = r"(?:[-–—−~]+|至|到)"
_BRACKETS = str.maketrans("【】[]{}〔〕", "()()()()")
_MARK = r"""
    第?(?P<from>[0-9]{1,2})周?%s第?(?P<until>[0-9]{1,2})周(?P<both>[单双])?周?
  | weeks?\s*(?P<wfrom>[0-9]{1,2})\s*%s\s*(?P<wuntil>[0-9]{1,2})
  | 第?(?P<since>[0-9]{1,2})周起 | from\s*week\s*(?P<wsince>[0-9]{1,2})
  | [至到]第?(?P<to>[0-9]{1,2})周 | until\s*week\s*(?P<wto>[0-9]{1,2})
  | (?P<parity>[单双])周? | (?P<word>odd|even)(?:\s*weeks?)?
  | (?P<all>每周|全周|all(?:\s*weeks)?)
  | (?P<cast>直播|广播|broadcast) | (?P<inter>互动|interactive)
""" % (_DASH, _DASH)  # noqa: UP031 - braces are quantifiers here
_ONE = re.compile(rf"(?:{_MARK})", re.VERBOSE | re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;、]*")
_GROUP = re.compile(r"\(([^()]*)\)")
_BEFORE = re.compile(rf"\s*(?:{_MARK})\s*:", re.VERBOSE | re.IGNORECASE)
_PARITY = {"单": Weeks.ODD, "双": Weeks.EVEN, "odd": Weeks.ODD, "even": Weeks.EVEN}


@dataclass(frozen=True, slots=True)
class Marks:
    """What marks say; None where they say nothing."""

    weeks: Weeks | None = None
    week_from: int | None = None
    week_until: int | None = None
    interactive: bool | None = None

    def __bool__(self) -> bool:
        return self != Marks()

    def __or__(self, other: "Marks") -> "Marks":
        """Both together; the other's word holds."""
        return Marks(
            other.weeks or self.weeks,
            self.week_from if other.week_from is None else other.week_from,
            self.week_until if other.week_until is None else other.week_until,
            self.interactive if other.interactive is None else other.interactive,
        )


def split_marks(text: str) -> tuple[Marks, str]:
    """The marks in a text, and the text without them: "音乐（单，3-10周）" → odd weeks, "音乐"."""
    rest = unicodedata.normalize("NFKC", text).translate(_BRACKETS)
    found = Marks()
    while before := _BEFORE.match(rest):
        found |= _said(before.groupdict())
        rest = rest[before.end() :]
    for group in _GROUP.finditer(rest):
        read = _all(group[1])
        if read is not None:
            found |= read
            rest = rest.replace(group[0], "", 1)
    read = _all(rest)
    return (found | read, "") if read is not None else (found, rest.strip())


def written(marks: Marks, locale: str = "zh-CN") -> str:
    """Marks as `split_marks` reads them, with brackets; "" where there is nothing to say."""
    chinese = locale == "zh-CN"
    parts: list[str] = []
    if marks.weeks in (Weeks.ODD, Weeks.EVEN):
        parts.append(("单周" if marks.weeks is Weeks.ODD else "双周") if chinese else marks.weeks)
    if marks.week_from is not None and marks.week_until is not None:
        span = f"{marks.week_from}-{marks.week_until}"
        parts.append(f"{span}周" if chinese else f"weeks {span}")
    elif marks.week_from is not None:
        parts.append(f"{marks.week_from}周起" if chinese else f"from week {marks.week_from}")
    elif marks.week_until is not None:
        parts.append(f"至{marks.week_until}周" if chinese else f"until week {marks.week_until}")
    if marks.interactive is not None:
        words = ("互动", "直播") if chinese else ("interactive", "broadcast")
        parts.append(words[0 if marks.interactive else 1])
    if not parts:
        return ""
    return f"（{'，'.join(parts)}）" if chinese else f" ({', '.join(parts)})"


def _all(text: str) -> Marks | None:
    """The marks of a text that holds nothing else; None otherwise."""
    found = Marks()
    at = _end_of(_BETWEEN.match(text), 0)
    while at < len(text):
        matched = _ONE.match(text, at)
        if matched is None:
            return None
        found |= _said(matched.groupdict())
        at = _end_of(_BETWEEN.match(text, matched.end()), matched.end())
    return found if found else None


def _end_of(matched: re.Match[str] | None, otherwise: int) -> int:
    return otherwise if matched is None else matched.end()


def _said(said: dict[str, str | None]) -> Marks:
    weeks = _PARITY.get((said["parity"] or said["word"] or said["both"] or "").lower())
    first = said["from"] or said["wfrom"] or said["since"] or said["wsince"]
    last = said["until"] or said["wuntil"] or said["to"] or said["wto"]
    return Marks(
        Weeks.ALL if said["all"] else weeks,
        int(first) if first else None,
        int(last) if last else None,
        False if said["cast"] else True if said["inter"] else None,
    )
