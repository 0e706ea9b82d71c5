"""From a row to the domain's own value: by field name, with enums and tuples made."""

from collections.abc import Hashable, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def value(kind: type[T], row: Mapping[str, Any], **extra: Any) -> T:
    """A `kind` (a dataclass) from the row's columns of the same names; `extra` gives the others."""
    made = {}
    for name, convert in _fields(cast("Hashable", kind)):
        if name in extra:
            made[name] = extra[name]
        elif name in row.keys():  # noqa: SIM118 - asyncpg's Record iterates over values
            found = row[name]
            made[name] = convert(found) if convert is not None and found is not None else found
    return kind(**made)


@cache
def _fields(kind: Hashable) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(cast("Any", kind))
    return tuple((field.name, _converter(hints[field.name])) for field in fields(cast("Any", kind)))


def _converter(hint: Any) -> Any:
    for option in (hint, *get_args(hint)):
        if isinstance(option, type) and issubclass(option, StrEnum):
            return option
    return tuple if get_origin(hint) is tuple else None
