"""`python -m tests.fuzz TARGET --seconds N`: coverage-guided fuzzing of one target, by atheris.

Begins with the target's seeds. Ends with 0, or with the input that broke it, in --artifacts.
"""

import argparse
import importlib
import tempfile
from pathlib import Path

import atheris


def main() -> None:
    with atheris.instrument_imports(include=["media"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(targets))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=-1, help="end after so many inputs")
    parser.add_argument("--artifacts", type=Path, default=Path())
    chosen = parser.parse_args()
    target = targets[chosen.target]
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)
    flags = {
        "max_total_time": chosen.seconds,
        "runs": chosen.runs,
        "max_len": target.largest,
        "timeout": 10,
        "rss_limit_mb": 1024,
        "artifact_prefix": f"{chosen.artifacts.resolve()}/",
    }
    atheris.Setup(
        ["fuzz", str(corpus), *(f"-{name}={value}" for name, value in flags.items())], target.run
    )
    atheris.Fuzz()


main()
