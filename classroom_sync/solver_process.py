"""The solver in a process of its own: `python -m classroom_sync.solver_process`.

The first line of its input is a task as JSON (the plan, whose lessons are locked, and how to
search); a later line "stop" ends the search with the best kept, and the end of the input (whoever
asked is gone) ends the process. Each line of its output is a JSON object: {"progress": …} as the
search goes, and one {"result": …} at the end. Sentences are given in every language, as
{"zh-CN": …, "en": …}.
"""

import json
import os
import sys
import threading
from typing import Any

from pydantic import TypeAdapter

from classroom_sync.i18n import LOCALES, translator
from scheduler import plan as plans
from scheduler import words
from scheduler.model import Lesson
from scheduler.solver import Progress, Search, Solution, solve

_NICE = 10  # lessons under way come first


def main() -> None:
    """Search until the limit, a stop, or the end of the input."""
    os.nice(_NICE)
    given = json.loads(sys.stdin.readline())
    plan = plans.from_json(given["plan"].encode())
    limit, seed, workers = given["seconds"], given["seed"], given["workers"]
    stop = threading.Event()
    threading.Thread(target=_heed, args=(stop,), daemon=True).start()
    writing = threading.Lock()

    def write(value: object) -> None:
        with writing:
            sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
            sys.stdout.flush()

    found = solve(
        plan.city,
        plan.rules,
        Search(limit, seed, workers, repeatable=False),
        locked=plan.lessons,
        progress=lambda now: write({"progress": _progress(now)}),
        stop=stop,
    )
    write({"result": _result(plan, found)})


def _heed(stop: threading.Event) -> None:
    for line in sys.stdin:
        if line.strip() == "stop":
            stop.set()
    os._exit(1)  # nobody is left to read an answer


def _progress(now: Progress) -> dict[str, Any]:
    return {
        "seconds": now.seconds,
        "best": now.best,
        "bound": now.bound,
        "gap": now.gap,
        "missing": now.missing,
        "parts": now.parts,
        "parts_done": now.parts_done,
    }


def _result(plan: plans.Plan, found: Solution) -> dict[str, Any]:
    return {
        "lessons": TypeAdapter(tuple[Lesson, ...]).dump_python(found.lessons, mode="json"),
        "best": found.best,
        "bound": found.bound,
        "proven": found.proven,
        "repeatable": found.repeatable,
        "seconds": found.seconds,
        "score": found.score,
        "unmet": [
            {
                "what": _said(words.demand(plan.city, u.demand, u.lessons)),
                "why": _said(u.cause.sentence(plan.city)) if u.cause else None,
            }
            for u in found.unmet
        ],
        "impossible": [_said(core.sentence(plan.city)) for core in found.impossible],
    }


def _said(sentence: words.Sentence) -> dict[str, str]:
    return {locale: sentence.say(translator(locale), locale) for locale in LOCALES}


if __name__ == "__main__":
    main()
