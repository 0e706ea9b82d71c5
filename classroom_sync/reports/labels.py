"""Names for the values of a dimension, as people know them."""

from classroom_sync.pages.names import Names
from classroom_sync.reports.document import DIMENSIONS, Label
from classroom_sync.reports.words import Text
from scheduler.indicators.values import Dimension
from scheduler.model import SchoolRole

_MODES = {
    "interactive": Text("同步互动课", "Interactive lessons"),
    "broadcast": Text("直播听讲课", "Broadcast lessons"),
    "research": Text("在线帮扶教研", "Research"),
    "push": Text("精准帮扶推送", "Pushes"),
}
_PHASES = {"1": Text("一期", "Phase 1"), "2": Text("二期", "Phase 2")}


def labels(names: Names, locale: str) -> Label:
    """What says a value's name; the id itself where the registers have no name for it."""

    def label(dimension: Dimension, key: str) -> str:
        return _name(names, locale, dimension, key) or key

    return label


def _name(names: Names, locale: str, dimension: Dimension, key: str) -> str:
    match dimension:
        case Dimension.CITY:
            return DIMENSIONS[dimension].said(locale)
        case Dimension.SCHOOL | Dimension.HUB:
            return names.schools[key].name if key in names.schools else ""
        case Dimension.ROOM:
            return names.room(key)
        case Dimension.SUBJECT:
            return names.subject(key, locale)
        case Dimension.TEACHER:
            teacher = names.teachers.get(key)
            return f"{teacher.name}（{names.school(teacher.school_code)}）" if teacher else ""
        case Dimension.MODE:
            return _MODES[key].said(locale) if key in _MODES else ""
        case Dimension.PHASE:
            return _PHASES[key].said(locale) if key in _PHASES else ""
        case Dimension.MONTH:
            return key


def values(names: Names, dimension: Dimension) -> list[str]:
    """The keys that a report can be cut to, in the order of the registers; months are periods."""
    match dimension:
        case Dimension.SCHOOL | Dimension.HUB:
            role = SchoolRole.HUB if dimension is Dimension.HUB else SchoolRole.RECEIVING
            return [s.code for s in names.schools.values() if s.role is role]
        case Dimension.ROOM:
            receiving = values(names, Dimension.SCHOOL)
            return [r.id for r in names.rooms.values() if r.school_code in receiving]
        case Dimension.SUBJECT:
            return list(names.subjects)
        case Dimension.TEACHER:
            return [t.id for t in names.teachers.values() if t.role == "lead"]
        case Dimension.MODE:
            return list(_MODES)
        case Dimension.PHASE:
            return list(_PHASES)
        case Dimension.CITY | Dimension.MONTH:
            return []
