"""What is looked at in the database and in the folders beside it."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from classroom_sync.doctor.findings import Finding, good, problem, skipped, warning
from classroom_sync.duties import LEADER
from classroom_sync.settings import Settings
from classroom_sync.store import StoreError, store_at
from db import audit, checks, web_sessions, webhooks
from db.audit import Head
from db.checks import Server
from db.nodes import MediaNodeRow
from db.pool import Connection
from db.webhooks import Deliveries
from scheduler.words import Sentence

OLDEST_POSTGRES = 18
_SKEW = timedelta(seconds=1)
_BACKUP = timedelta(days=2)
_SEEN = timedelta(days=30)
_MOST_NAMED = 5  # rooms; of more there are the first
_LATE = timedelta(hours=1)  # evidence or recordings that wait for longer
#: The last browsers for Windows 7, which some classrooms still have. Older ones lack what the
#: pages use. (A name in the user agent, the name that people know, the oldest that works.)
BROWSERS = (
    (re.compile(r"(?:Chrome|Chromium)/(\d+)"), "Chrome, Edge", 109),
    (re.compile(r"Firefox/(\d+)"), "Firefox", 115),
    (re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/"), "Safari", 16),
)


async def looked_at(
    connection: Connection,
    settings: Settings,
    now: datetime,
    living: list[MediaNodeRow],
    running: bool,
    remembered: Head | None,
) -> AsyncIterator[Finding]:
    """Every check of a database whose schema is this version's, in the order of telling."""
    yield append_only(await checks.writable(connection))
    yield await audit_log(connection, remembered)
    yield nodes(living, running)
    yield leader(await checks.led(connection, LEADER), running)
    today = now - timedelta(hours=12)
    yield lessons(await checks.lessons(connection, today, now + timedelta(days=7), now), running)
    yield administrators(await checks.administrators(connection))
    yield screens(await checks.rooms_without_screen(connection, now, now + timedelta(days=7)))
    yield backup(await checks.last_backup(connection), now)
    yield recordings(await checks.recordings(connection, now - timedelta(days=7), now - _LATE))
    yield await store(settings)
    yield spool(settings.data_dir / "spool", now)
    yield alarms(await webhooks.state(connection, now - timedelta(days=7)), settings.webhook_url)
    yield browsers(await web_sessions.user_agents(connection, now - _SEEN))


def version(found: Server) -> Finding:
    said = Sentence("PostgreSQL {version}", {"version": found.version})
    if found.number // 10_000 < OLDEST_POSTGRES:
        advice = Sentence("Version {least} is needed.", {"least": OLDEST_POSTGRES})
        return problem("postgresql", said, advice)
    return good("postgresql", said)


def clock(found: Server, before: datetime, after: datetime) -> Finding:
    """The database's clock against this machine's, which was read before and after asking."""
    skew = max(before - found.now, found.now - after, timedelta(0))
    said = Sentence(
        "The database's clock is {seconds} s off this machine's.",
        {"seconds": f"{skew.total_seconds():.1f}"},
    )
    if skew > _SKEW:
        return problem(
            "clock_skew",
            said,
            Sentence("Set both by the same time server (chrony, systemd-timesyncd)."),
        )
    return good("clock_skew", said)


def connections(found: Server) -> Finding:
    values = {"used": found.connections, "allowed": found.connections_allowed}
    said = Sentence("{used} of {allowed} database connections are in use.", values)
    if found.connections > 0.8 * found.connections_allowed:
        return warning("connections", said, Sentence("Raise max_connections of PostgreSQL."))
    return good("connections", said)


def schema(lacking: list[str], unknown: list[str]) -> Finding:
    if unknown:
        return problem(
            "schema",
            Sentence("The database was made by a newer version: {names}", _names(unknown)),
            Sentence("Start that version, or restore a backup."),
        )
    if lacking:
        return problem(
            "schema",
            Sentence("The database lacks {names}.", _names(lacking)),
            Sentence("Make a backup, then: classroom-sync migrate"),
        )
    return good("schema", Sentence("The schema is this version's."))


def _names(found: list[str]) -> dict[str, str]:
    return {"names": ", ".join(found)}


def append_only(writable: list[str]) -> Finding:
    if writable:
        return problem(
            "append_only",
            Sentence("The application could change what is append-only: {names}", _names(writable)),
            Sentence("As the database's owner: REVOKE UPDATE, DELETE on them."),
        )
    return good("append_only", Sentence("Evidence and audit log are append-only."))


async def audit_log(connection: Connection, remembered: Head | None) -> Finding:
    found = await audit.verify(connection, remembered)
    values: dict[str, int | str] = {"entries": found.entries, "head": str(found.head or "-")}
    if found.fault is None:
        return good(
            "audit_log",
            Sentence("The audit log's {entries} entries are whole. Its head: {head}", values),
        )
    return problem(
        "audit_log",
        Sentence(
            "The audit log was tampered with: {why}. {entries} before are whole.",
            values | {"why": found.fault},
        ),
        Sentence(
            "Keep the database as it is, tell who is in charge of its safety, and compare it with "
            "the backups."
        ),
    )


def nodes(living: list[MediaNodeRow], running: bool) -> Finding:
    if living:
        packets = round(sum(node.load for node in living))
        values = {"count": len(living), "packets": packets}
        return good("nodes", Sentence("Media nodes: {count}, {packets} packets a second.", values))
    if not running:
        return skipped("nodes", Sentence("No server runs here, and no media node."))
    return problem(
        "nodes",
        Sentence("No media node runs: no lesson can be given."),
        Sentence("Look into the server's log; a taken UDP port keeps nodes from starting."),
    )


def leader(led: bool, running: bool) -> Finding:
    if led:
        return good("leader", Sentence("One process keeps the clock."))
    if not running:
        return skipped("leader", Sentence("No server runs here, so none keeps the clock."))
    return problem(
        "leader",
        Sentence("Nobody keeps the clock: lessons are not opened."),
        Sentence("Restart the server, and look into its log."),
    )


def lessons(found: checks.Lessons, running: bool) -> Finding:
    values = {"planned": found.planned, "overdue": found.overdue}
    if found.overdue and running:
        return problem(
            "lessons",
            Sentence("{overdue} lessons should have been opened and were not.", values),
            Sentence("Look for the findings on the clock and on media nodes."),
        )
    if not found.planned:
        return warning(
            "lessons",
            Sentence("No lesson is planned within a week."),
            Sentence("In holidays that is right; else publish a timetable."),
        )
    return good("lessons", Sentence("{planned} lessons are planned within a week.", values))


def administrators(count: int) -> Finding:
    """`count`: accounts that keep the whole city and are not disabled."""
    if count:
        values = {"count": count}
        return good("administrators", Sentence("Administrators of the city: {count}", values))
    return warning(
        "administrators",
        Sentence("There is no administrator of the city: nobody can enter or change anything."),
        Sentence("Make one: classroom-sync account add NAME --name … --role admin"),
    )


def screens(lacking: list[str]) -> Finding:
    """`lacking`: rooms that are to have a lesson soon and are paired with no computer."""
    if not lacking:
        return good("screens", Sentence("Every room that has a lesson this week has its screen."))
    rooms = ", ".join(lacking[:_MOST_NAMED]) + (" …" if len(lacking) > _MOST_NAMED else "")
    return warning(
        "screens",
        Sentence(
            "Rooms with a lesson this week and no paired screen: {count} ({rooms})",
            {"count": len(lacking), "rooms": rooms},
        ),
        Sentence(
            "Unless they take part by an encoder, pair their computers: open /pair there, with a "
            "code from the page Rooms."
        ),
    )


def backup(last: datetime | None, now: datetime) -> Finding:
    advice = Sentence(
        "Back up all the time, or each night, to another machine: classroom-sync backup DIR "
        "--follow (deploy/systemd has a service)."
    )
    if last is None:
        return warning("backup", Sentence("No backup was ever made."), advice)
    said = Sentence("The last backup is of {at}.", {"at": f"{last:%Y-%m-%d %H:%M} UTC"})
    return warning("backup", said, advice) if now - last > _BACKUP else good("backup", said)


def recordings(found: checks.Recordings) -> Finding:
    values = {"failed": found.failed, "late": found.late}
    if found.failed or found.late:
        return warning(
            "recordings",
            Sentence("Recordings of this week: {failed} failed, {late} wait to be joined.", values),
            Sentence("The page Recordings shows the cause of each."),
        )
    return good("recordings", Sentence("No recording of this week failed or waits."))


async def store(settings: Settings) -> Finding:
    place = settings.recording_store or str((settings.data_dir / "recordings").resolve())
    values = {"place": place, "why": ""}
    try:
        await store_at(settings.recording_store, settings.data_dir).size("doctor/asks")
    except StoreError as error:
        return problem(
            "recording_store",
            Sentence("Recordings can't be kept in {place}: {why}", values | {"why": str(error)}),
            Sentence("Check its address, its credentials, and whether this machine reaches it."),
        )
    return good("recording_store", Sentence("Recordings are kept in {place}.", values))


def spool(directory: Path, now: datetime) -> Finding:
    """Evidence that waits for the database on this machine's disk."""
    waiting = [path for path in directory.glob("*") if path.is_file()] if directory.is_dir() else []
    old = [
        path for path in waiting if now.timestamp() - path.stat().st_mtime > _LATE.total_seconds()
    ]
    if old:
        return warning(
            "spool",
            Sentence(
                "Evidence waits on disk since more than an hour: {count} files", {"count": len(old)}
            ),
            Sentence("Start the server on this data directory: a media node writes it down."),
        )
    return good("spool", Sentence("No evidence waits on disk."))


def alarms(found: Deliveries, url: str | None) -> Finding:
    """What is told to another system by webhook, of this week."""
    if url is None:
        return skipped("alarms", Sentence("Alarms are told to no other system (webhook_url)."))
    values: dict[str, int | str] = {"waiting": found.waiting, "given_up": found.given_up}
    if found.given_up or found.problem is not None:
        values |= {"url": url, "why": found.problem or "-"}
        return warning(
            "alarms",
            Sentence(
                "Of this week's alarms {given_up} never reached {url}, {waiting} wait: {why}",
                values,
            ),
            Sentence("See that it answers, and that the firewall lets this machine reach it."),
        )
    return good("alarms", Sentence("Alarms of this week reached the other system."))


def browsers(seen: Mapping[str, int]) -> Finding:
    """`seen`: user agent → how many screens."""
    old: dict[str, int] = {}
    for agent, screens in seen.items():
        name = _too_old(agent)
        if name is not None:
            old[name] = old.get(name, 0) + screens
    if not old:
        values = {"count": sum(seen.values())}
        return good(
            "browsers", Sentence("Browsers seen this month: {count}, none too old.", values)
        )
    told = ", ".join(f"{name} ({count})" for name, count in sorted(old.items()))
    least = ", ".join(f"{name} {number}" for _, name, number in BROWSERS)
    return warning(
        "browsers",
        Sentence("Browsers that are too old: {browsers}", {"browsers": told}),
        Sentence("Update them; these are the oldest that work: {least}", {"least": least}),
    )


def _too_old(agent: str) -> str | None:
    """The browser and its version, if it is an old one."""
    for pattern, name, least in BROWSERS:
        found = pattern.search(agent)
        if found is not None:
            return f"{name} {found[1]}" if int(found[1]) < least else None
    return "Internet Explorer" if "Trident/" in agent or "MSIE " in agent else None
