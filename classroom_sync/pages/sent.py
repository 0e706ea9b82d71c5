"""What was sent to classes and what came of it; sending by hand, and the rules (mode three)."""

from collections.abc import Callable
from uuid import UUID

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.api.pushes import followed, followed_push, progress_of
from classroom_sync.auth import requires
from classroom_sync.contents import from_its_beginning
from classroom_sync.errors import Refused
from classroom_sync.keys import CONTENTS, LOCALE, NOW, POOL, RECEIVING, VISITOR
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from classroom_sync.sending import (
    DUE_DAYS,
    classes_of_hub,
    may_send,
    term_now,
    today,
)
from classroom_sync.uploads.kinds import TYPES, UploadKind
from db import marks, pushes
from db.pool import Connection
from db.pushes import Item, Push
from scheduler.model import ClassGroup, School
from scheduler.push import due_on
from scheduler.questions import LONGEST, MOST_OPTIONS, MOST_QUESTIONS, Answer, mark, together
from scheduler.receipts import Progress

routes = web.RouteTableDef()


@routes.get("/sent")
@requires(Action.SEND)
async def sent(request: web.Request) -> web.StreamResponse:
    """The newest first, each with what its classes have done."""
    visitor = request[VISITOR]
    async with request.app[POOL].connection() as connection:
        found = await followed(connection, visitor)
        done = await progress_of(connection, found)
        names = await read_names(connection)
    return await page(
        request,
        "sent.html",
        pushes=found,
        done=done,
        together=_together(found, done),
        mark=mark,
        names=names,
        title=_titles(names, request[LOCALE]),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        whose=visitor.role is not Role.TEACHER,
        now_day=today(None, request.app[NOW]()),
    )


def _together(
    found: list[Push], done: dict[tuple[UUID, str], Progress]
) -> dict[UUID, list[Answer]]:
    """What the classes of each push with questions answered, added up."""
    return {
        p.id: together(p.questions, [a for c in p.class_ids if (a := done[p.id, c].answers)])
        for p in found
        if p.questions
    }


@routes.get("/sent/new")
@requires(Action.SEND)
async def choose(request: web.Request) -> web.StreamResponse:
    """What to send (`?item=`), or a form to upload it; then to whom."""
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        items = await pushes.items(
            connection, teacher_id=visitor.teacher_id, hub_code=visitor.school_code
        )
        chosen = await _chosen(connection, request)
        classes = await classes_of_hub(connection, chosen.hub_code) if chosen else []
        names = await read_names(connection)
        term = await term_now(connection, now)
    on = today(term, now)
    teacher = names.teachers.get(visitor.teacher_id or "")
    taught = set(teacher.subjects) if teacher else set()
    return await page(
        request,
        "sent_new.html",
        items=items,
        chosen=chosen,
        classes=_by_school(names, classes),
        names=names,
        title=_titles(names, request[LOCALE]),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        subjects=sorted(names.subjects.values(), key=lambda s: (s.slug not in taught, s.slug)),
        on=on,
        most_questions=MOST_QUESTIONS,
        most_options=MOST_OPTIONS,
        longest=LONGEST,
        due=due_on(term, on, DUE_DAYS),
        kinds=list(UploadKind),
        accepts=",".join(sorted({t.suffix for types in TYPES.values() for t in types})),
        most=request.app[RECEIVING].max_bytes,
        may_upload=visitor.role is Role.TEACHER,
    )


async def _chosen(connection: Connection, request: web.Request) -> Item | None:
    wanted = request.query.get("item")
    if wanted is None:
        return None
    item = await pushes.item(connection, identifier(wanted))
    if item is None or not may_send(request[VISITOR], item):
        raise Refused(404, "There is no such lesson or file of yours to send.")
    return item


def _by_school(names: Names, classes: list[ClassGroup]) -> list[tuple[School, list[ClassGroup]]]:
    grouped = [(s, [c for c in classes if c.school_code == s.code]) for s in names.schools.values()]
    return [(school, groups) for school, groups in grouped if groups]


def _titles(names: Names, locale: str) -> Callable[[Item | Push], str]:
    """What to call an item or a push: its name, or the subject and day of a recording."""

    def title(of: Item | Push) -> str:
        return of.title or f"{names.subject(of.subject, locale)} {of.made_on.isoformat()}"

    return title


@routes.get("/sent/rules")
@requires(Action.RULE_PUSHES)
async def rules(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        found = await pushes.rules(connection)
        names = await read_names(connection)
    return await page(
        request,
        "sent_rules.html",
        rules=found,
        subjects=list(names.subjects.values()),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        may_edit=request[VISITOR].school_code is None,
    )


@routes.get("/sent/{push}/content")
@requires(Action.SEND)
async def content(request: web.Request) -> web.StreamResponse:
    """What was sent, for those who follow it."""
    async with request.app[POOL].connection() as connection:
        push = await followed_push(request, connection)
        if from_its_beginning(request) and push.tag is not None:
            await note_view(connection, request, push.id)
    return await request.app[CONTENTS].answer(request, push)


async def note_view(connection: Connection, request: web.Request, push_id: UUID) -> None:
    """Every view is in the audit log (DESIGN 9)."""
    await marks.add_audit(connection, request[VISITOR].actor, "push_viewed", f"push:{push_id}")
