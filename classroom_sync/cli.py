"""The command line. Each command has `--help` with an example.

Exit codes: 0 done, 1 found problems or could not go on, 2 wrong use.
"""

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
import uvloop

from classroom_sync import (
    __version__,
    account_commands,
    backup_commands,
    doctor_commands,
    drain_command,
    exchange_commands,
    reaching,
    report_commands,
    timetable_commands,
    token_commands,
)
from classroom_sync.errors import CannotStart
from classroom_sync.reaching import failed, settings_of, wrong_use

app = typer.Typer(
    name="classroom-sync",
    help="A server for synchronous classrooms 同步课堂.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Host = Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")]
Port = Annotated[
    int | None, typer.Option(help="TCP port; 0 picks a free one and says which.  [default: 8080]")
]
UdpPort = Annotated[
    int | None, typer.Option(help="UDP port of the first media node; 0: free.  [default: 8189]")
]
PublicAddress = Annotated[
    str | None, typer.Option(help="IP address at which clients reach the media nodes.")
]
DataDir = Annotated[
    Path | None, typer.Option(help="Embedded database, spool, demo.json.  [default: ./data]")
]
DatabaseUrl = Annotated[
    str | None, typer.Option(help="PostgreSQL to use instead of the embedded one.")
]
Nodes = Annotated[
    int | None, typer.Option(help="Media node processes to run.  [default: one per core]")
]
LogLevel = Annotated[
    str | None, typer.Option(help="debug, info, warning or error.  [default: info]")
]
LogFormat = Annotated[str | None, typer.Option(help="console or json.  [default: console]")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    _asked: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A server for synchronous classrooms 同步课堂."""


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        uvloop.run(main)
    except CannotStart as error:
        failed(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command(epilog="Example: classroom-sync serve --host 0.0.0.0 --public-address 192.0.2.10")
def serve(
    host: Host = None,
    port: Port = None,
    udp_port: UdpPort = None,
    public_address: PublicAddress = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    nodes: Nodes = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
) -> None:
    """Run the server: pages, API, the clock, and one media node per core."""
    from classroom_sync.server import serve as run

    settings = settings_of(
        host=host,
        port=port,
        udp_port=udp_port,
        public_address=public_address,
        data_dir=data_dir,
        database_url=database_url,
        nodes=nodes,
        log_level=log_level,
        log_format=log_format,
    )
    _run(run(settings, announce=lambda url: typer.echo(f"Classroom Sync is at {url}", err=True)))


@app.command(epilog="Example: classroom-sync demo --data-dir /srv/classroom-sync-demo")
def demo(
    host: Host = None,
    port: Port = None,
    udp_port: UdpPort = None,
    public_address: PublicAddress = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    nodes: Nodes = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.  [default: warning]")
    ] = None,
    log_format: LogFormat = None,
    lesson_minutes: Annotated[
        float, typer.Option(min=1, max=240, help="Length of the lesson that is on now.")
    ] = 40,
) -> None:
    """Run the server with the demo city and a lesson that is on now; writes demo.json."""
    from rich.console import Console

    from classroom_sync.demo import demo as run

    settings = settings_of(
        host=host,
        port=port,
        udp_port=udp_port,
        public_address=public_address,
        data_dir=data_dir,
        database_url=database_url,
        nodes=nodes,
        log_level=log_level or "warning",
        log_format=log_format,
    )
    _run(run(settings, lesson_minutes, Console()))


@app.command(epilog="Example: classroom-sync node --database-url postgresql://app@db.example/cs")
def node(
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="Port of the node's HTTP face.")] = None,
    udp_port: UdpPort = None,
    public_address: PublicAddress = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    node_url: Annotated[
        str | None,
        typer.Option(help="URL at which clients reach the node's HTTP face, if they do."),
    ] = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    parent: Annotated[
        str | None,
        typer.Option(help="Mark of the server whose own it is; without one it stops."),
    ] = None,
    node_id: Annotated[
        UUID | None, typer.Option(help="Id to register with.  [default: a fresh one]")
    ] = None,
) -> None:
    """Run one media node that joins the server behind a database."""
    from classroom_sync.node import run_node

    settings = settings_of(
        host=host,
        port=0 if port is None else port,
        udp_port=udp_port,
        public_address=public_address,
        data_dir=data_dir,
        database_url=database_url,
        node_url=node_url,
        log_level=log_level,
        log_format=log_format,
    )
    if settings.database_url is None:
        wrong_use("node needs --database-url: it joins a server by it")
    _run(run_node(settings, node_id or uuid4(), parent=parent))


@app.command(
    epilog="Example: classroom-sync migrate --database-url postgresql://owner@db.example/cs"
)
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema up to date, and say what was done."""
    settings = settings_of(log_level=None, data_dir=data_dir, database_url=database_url)
    _run(reaching.migrate(settings))


app.add_typer(timetable_commands.app, name="timetable")
app.add_typer(report_commands.app, name="report")
app.add_typer(exchange_commands.app)
app.add_typer(account_commands.app, name="account")
app.add_typer(token_commands.app, name="token")
app.add_typer(doctor_commands.app)
app.add_typer(backup_commands.app)
app.add_typer(drain_command.app)

bench = typer.Typer(help="Measure, beside a named rival on the same load.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command(
    "media",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench_media(context: typer.Context) -> None:
    """The media plane: CPU per forwarded packet, loss, latency, memory; Janus beside it."""
    from media.bench.__main__ import main as run

    run(context.args, "classroom-sync bench media")


@bench.command(
    "timetable",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench_timetable(context: typer.Context) -> None:
    """The solver: model sizes, time to a timetable, gap, proof, repair; FET beside it."""
    from scheduler.bench.__main__ import main as run

    run(context.args, "classroom-sync bench timetable")


@bench.command(
    "reports",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench_reports(context: typer.Context) -> None:
    """Reports over years of ten cities, and evidence as it comes in."""
    from classroom_sync.reports.measured import OUTPUTS
    from db.bench.__main__ import main as run

    run(context.args, "classroom-sync bench reports", OUTPUTS)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point of `classroom-sync`."""
    app(prog_name="classroom-sync")
