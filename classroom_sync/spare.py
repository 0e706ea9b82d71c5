"""A process that has read all that a media node needs, and waits to be told to be one.

`python -m classroom_sync.spare` reads one line from standard input, the arguments of
`classroom-sync` as a JSON list, and goes on as that command. Closing the input instead ends it. So
a dead node is replaced without the second that Python takes to import it all.
"""

import json
import os
import sys

from classroom_sync import node  # noqa: F401 - what takes the time
from classroom_sync.cli import app


def _line() -> bytes:
    """The first line of standard input, and not a byte more; b"" where it was closed."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            return b""
        line += byte
    return line


def main() -> None:
    """Wait, then be what was asked for."""
    line = _line()
    if line:
        app(json.loads(line), prog_name="classroom-sync")


if __name__ == "__main__":
    main()
