"""What is looked at on this machine: parts, disk, memory, limits, fonts, clock, configuration."""

import ctypes
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psutil

from classroom_sync.doctor.findings import Finding, good, problem, skipped, warning
from classroom_sync.settings import Settings
from scheduler.words import Sentence

_GIB = 1024**3
_NODE_MEMORY = 300 * 1024**2  # bytes that a media node with full lessons needs
_FILES = 4096  # open files: sockets of pages, segments, the database
_BUFFER = 4 * 1024 * 1024  # bytes: what media/udp.py asks the kernel for
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX = 208  # bytes of struct timex on 64-bit Linux; zeroed, it only asks


def looked_at(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Every check of this machine, in the order in which they are told."""
    yield event_loop()
    yield fast_path()
    yield data_directory(settings.data_dir)
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    yield disk(free, settings.recording_free_bytes)
    yield from other_folders(settings)
    yield processor(os.getloadavg()[2], os.cpu_count() or 1)
    yield memory(psutil.virtual_memory().available, settings.nodes)
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield udp_buffers(_kernel_buffer())
    yield fonts()
    yield time_zone()
    yield synchronised(ask_kernel())
    yield holidays(now)
    yield addresses(settings)


def event_loop() -> Finding:
    try:
        found = version("uvloop")
    except PackageNotFoundError:
        return problem(
            "event_loop",
            Sentence("uvloop is not there."),
            Sentence("Install the package again: pip install --force-reinstall classroom-sync"),
        )
    return good("event_loop", Sentence("uvloop {version}", {"version": found}))


def fast_path() -> Finding:
    from media import fastpath

    if fastpath.AVAILABLE:
        return good("fast_path", Sentence("Media is forwarded by compiled code."))
    return warning(
        "fast_path",
        Sentence("Media is forwarded by Python alone, which costs several times as much."),
        Sentence(
            "Install a C compiler (on Debian: apt install gcc libc6-dev python3-dev), then install "
            "the package again."
        ),
    )


def _existing(path: Path) -> Path:
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path


def data_directory(path: Path) -> Finding:
    name = {"path": str(path.resolve())}
    found = _existing(path)
    if os.access(found, os.W_OK | os.X_OK) and found.is_dir():
        return good("data_directory", Sentence("The data directory {path} can be written.", name))
    return problem(
        "data_directory",
        Sentence("The data directory {path} can't be written.", name),
        Sentence(
            "Give it to the user that the server runs as (chown), or name another with --data-dir."
        ),
    )


def disk(free: int, least: int) -> Finding:
    """`free` bytes; `least` of them are needed to record."""
    size = {"free": f"{free / _GIB:.1f} GiB", "least": f"{least / _GIB:.1f} GiB"}
    said = Sentence("{free} of disk are free.", size)
    if free < least:
        return problem(
            "disk",
            said,
            Sentence(
                "Below {least} recording stops. Delete old recordings or get a larger disk.", size
            ),
        )
    if free < 5 * least:
        return warning("disk", said, Sentence("Below {least} recording stops: make room.", size))
    return good("disk", said)


def other_folders(settings: Settings) -> Iterator[Finding]:
    """Where recordings and uploads are kept, if not in the data directory: perhaps on a disk of
    another machine, which may be full, or of which the server's user may only read."""
    store, uploads = settings.recording_store, settings.upload_dir
    if store is not None and not store.startswith("s3://"):
        yield folder("recording_folder", Path(store), settings.recording_free_bytes)
    if uploads is not None:
        yield folder("upload_folder", uploads, settings.recording_free_bytes)


def folder(check: str, path: Path, least: int) -> Finding:
    """`least` bytes are to be free in it."""
    there = _existing(path)
    free = shutil.disk_usage(there).free
    values = {"path": str(path), "free": f"{free / _GIB:.1f} GiB"}
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        return problem(
            check,
            Sentence("The folder {path} can't be written.", values),
            Sentence("Mount its disk, and give it to the user that the server runs as (chown)."),
        )
    said = Sentence("{free} are free in {path}.", values)
    if free < least:
        return problem(check, said, Sentence("Delete what is old, or get a larger disk."))
    return good(check, said)


def processor(load: float, cores: int) -> Finding:
    """`load`: processes that wanted a core, on average of a quarter of an hour."""
    values: dict[str, str | int] = {"load": f"{load:.1f}", "cores": cores}
    said = Sentence("The load of the last quarter of an hour was {load}; cores: {cores}.", values)
    if load > cores:
        advice = Sentence(
            "Picture and sound come late: end other programs, or add media nodes on other machines."
        )
        return warning("processor", said, advice)
    return good("processor", said)


def memory(available: int, nodes: int) -> Finding:
    need = _NODE_MEMORY * max(1, nodes)
    values = {"free": f"{available / _GIB:.1f} GiB", "need": f"{need / _GIB:.1f} GiB"}
    said = Sentence("{free} of memory are available; lessons may need {need}.", values)
    if available < need:
        advice = Sentence("End other programs, run fewer media nodes (--nodes), or add memory.")
        return warning("memory", said, advice)
    return good("memory", said)


def open_files(limit: int) -> Finding:
    said = Sentence("A process may open {limit} files.", {"limit": limit})
    if limit != resource.RLIM_INFINITY and limit < _FILES:
        advice = Sentence(
            "Allow {files}: LimitNOFILE of the systemd unit, or ulimit -n.", {"files": _FILES}
        )
        return warning("open_files", said, advice)
    return good("open_files", said)


def _kernel_buffer() -> int | None:
    try:
        return int(Path("/proc/sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return None


def udp_buffers(largest: int | None) -> Finding:
    """`largest`: the kernel's limit of a socket's receive buffer in bytes; None: can't be read."""
    if largest is None:
        return skipped("udp_buffers", Sentence("The kernel's limits can't be read here."))
    said = Sentence("The kernel grants UDP buffers of {kib} KiB.", {"kib": largest // 1024})
    if largest < _BUFFER:
        return warning(
            "udp_buffers",
            said,
            Sentence(
                "Bursts may be lost: set net.core.rmem_max={wanted} and net.core.wmem_max={wanted} "
                "in /etc/sysctl.d.",
                {"wanted": _BUFFER},
            ),
        )
    return good("udp_buffers", said)


def fonts() -> Finding:
    advice = Sentence(
        "Install the package again: its dependency pylopdf-fonts-zh-cn brings the fonts."
    )
    try:
        import pylopdf_fonts_zh_cn

        found = Path(str(pylopdf_fonts_zh_cn.serif_path()))
    except (ImportError, OSError):
        return problem("fonts", Sentence("There are no Chinese fonts for reports."), advice)
    if not found.is_file():
        return problem("fonts", Sentence("There are no Chinese fonts for reports."), advice)
    return good("fonts", Sentence("Chinese fonts for reports are there."))


def time_zone() -> Finding:
    try:
        ZoneInfo("Asia/Shanghai")
    except ZoneInfoNotFoundError:
        return problem(
            "time_zone",
            Sentence("The time zone Asia/Shanghai is not known."),
            Sentence("Install tzdata: pip install tzdata"),
        )
    return good("time_zone", Sentence("The time zone Asia/Shanghai is known."))


def ask_kernel() -> int | None:
    """The kernel's word on its clock (adjtimex(2)); None where it can't be asked."""
    if sys.platform != "linux":
        return None
    asked = ctypes.create_string_buffer(_TIMEX)
    answer = int(ctypes.CDLL(None).adjtimex(asked))
    return answer if answer >= 0 else None


def synchronised(answer: int | None) -> Finding:
    if answer is None:
        return skipped("time_source", Sentence("The kernel can't be asked about its clock here."))
    if answer == _UNSYNCHRONISED:
        return warning(
            "time_source",
            Sentence("Nothing sets this machine's clock by a time server."),
            Sentence(
                "Bells ring by it: install chrony or systemd-timesyncd and name a time server that "
                "the school reaches."
            ),
        )
    return good("time_source", Sentence("This machine's clock is set by a time server."))


def holidays(now: datetime) -> Finding:
    """The public holidays of the year are known; of the next one from December on."""
    import chinese_calendar

    year = now.year + (now.month == 12)
    known = max(day.year for day in chinese_calendar.holidays)
    values = {"year": str(year)}
    if known >= year:
        return good("holidays", Sentence("The public holidays of {year} are known.", values))
    return warning(
        "holidays",
        Sentence("The public holidays of {year} are not known yet.", values),
        Sentence(
            "When they are announced: pip install --upgrade chinesecalendar, or enter them on the "
            "calendar page."
        ),
    )


def addresses(settings: Settings) -> Finding:
    if settings.public_address is None and settings.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return warning(
            "public_address",
            Sentence("No public address is set."),
            Sentence(
                "Behind a router or in a container, set --public-address to the IP address that "
                "classrooms reach, and forward UDP {port} to this machine.",
                {"port": settings.udp_port},
            ),
        )
    address = settings.public_address or settings.host
    return good("public_address", Sentence("Media is offered at {address}.", {"address": address}))
