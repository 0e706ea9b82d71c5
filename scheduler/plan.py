"""A plan as a JSON file: a city, its lessons so far, and the rules they are judged by.

Everything that check, solve and repair read is in it, so whoever has the file has the same case.
"""

from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from scheduler.city import City
from scheduler.model import Lesson, Term
from scheduler.rules import Rules


@dataclass(frozen=True, slots=True)
class Plan:
    city: City
    lessons: tuple[Lesson, ...] = ()
    rules: Rules = field(default_factory=Rules)
    term: Term | None = None  # needed where dates are meant, not weekdays


class NotAPlan(Exception):
    """A document is not a plan; the message says where it departs from one."""


def to_json(plan: Plan) -> bytes:
    return TypeAdapter(Plan).dump_json(plan, indent=1)


def from_json(document: bytes) -> Plan:
    """Raises NotAPlan."""
    try:
        return TypeAdapter(Plan).validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotAPlan(f"{where or 'the document'}: {first['msg']}") from error
