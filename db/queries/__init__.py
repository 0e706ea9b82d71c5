"""The named queries beside this file, as aiosql reads them."""

from functools import cache
from importlib.resources import files
from typing import Any

import aiosql


@cache
def named(noun: str) -> Any:
    """The queries of `<noun>.sql`, each an attribute to call with a connection."""
    text = (files("db") / "queries" / f"{noun}.sql").read_text(encoding="utf-8")
    return aiosql.from_str(text, "asyncpg", mandatory_parameters=False)
