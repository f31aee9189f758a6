"""What `portal serve` does: the embedded database where none is given, migrations, web processes, one line when ready.

Whoever supervises workers keeps what it has imported: what only they need is not imported at the top.
"""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import asyncpg
import click
import uvicorn

from portal import db, faults, metrics, tracing
from portal.accounts import passwords, tokens
from portal.audit.schemas import ChainCheck
from portal.pool import has_demo_accounts, is_migrated
from portal.settings import SettingError, Settings, is_loopback
from portal.supervising import Processes, leave_at_the_latest
from portal.web import logs
from portal.web.protocol import Protocol

if TYPE_CHECKING:
    from portal.registration.schemas import NewAdmin

CONNECT_SECONDS = 10
GRACE_SECONDS = 5  # open requests may end by themselves for so long after SIGTERM


def environment(
    environ: dict[str, str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    data: Path | None = None,
    demo: bool = False,
) -> dict[str, str]:
    """The environment with what the options say, which web processes inherit."""
    if data is not None:
        environ["PORTAL_DATA"] = str(data)
    if demo and not is_loopback(host):
        raise SettingError("--demo: the demo accounts have a known password; they are for loopback addresses only")
    if demo:
        environ["PORTAL_DEMO"] = "true"
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    environ.setdefault("PORTAL_BASE_URL", f"http://{shown}:{port}")
    return environ


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database that can be reached: the embedded one runs while the block does."""
    if settings.database_url:
        yield settings
        return
    from portal.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(settings.data / "postgres")
    try:
        yield replace(settings, database_url=server.url, embedded=True)
    finally:
        server.stop()


def serve(settings: Settings, environ: dict[str, str], *, host: str, port: int, workers: int) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises `SettingError` before anything has started."""
    settings.check(host)
    if workers > 1 and not settings.redis_url:
        raise SettingError(
            "--workers: more than one process needs REDIS_URL, so that they share live updates and limits"
        )
    logs.configure()
    open_all_files()
    tokens.use_keys(settings)
    listener = bound(host, port)
    with database(settings) as running:
        prepare(running)
        if not settings.is_private(host):
            asyncio.run(refuse_demo_accounts(running))
        os.environ.update(environ, DATABASE_URL=running.database_url, PORTAL_EMBEDDED=str(running.embedded).lower())
        os.environ[passwords.PROCESSES] = str(workers)
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, lambda *_: None)  # uvicorn raises the signal anew when all is done: that is no failure
        config = uvicorn.Config(
            "portal.app:from_environment",
            factory=True,
            http=Protocol,
            loop="uvloop",
            workers=workers,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=30,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=64 * 1024,
        )
        announce = f"ready {running.base_url}"
        if workers > 1:
            os.environ[metrics.FOLDER] = str(metrics.empty_folder(running.data / "metrics" / str(port)))
            processes = Processes(config, listener, announce)
            processes.run()
            return 0 if processes.answered else 1
        server = Single(config, announce)
        server.run(sockets=[listener])
        return 0 if server.started else 1


def prepare(settings: Settings) -> None:
    """An embedded database follows the program; any other is migrated by `portal migrate`, once a deployment."""
    if settings.embedded:
        from portal.migrations import migrate

        asyncio.run(migrate(settings))
    else:
        asyncio.run(check_database(settings))
    if settings.demo:
        asyncio.run(make_demo(settings))


async def check_database(settings: Settings) -> None:
    """Raises `SettingError` for a database that cannot be used; its text holds no part of the address."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            migrated = await is_migrated(settings.database_url)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise SettingError(f"DATABASE_URL: cannot connect ({type(error).__name__})") from None
    if not migrated:
        raise SettingError("DATABASE_URL: this database has no tables yet; run `portal migrate` first")


async def refuse_demo_accounts(settings: Settings) -> None:
    """Raises `SettingError` where an earlier `--demo` has left people whom everybody can be."""
    if await has_demo_accounts(settings.database_url):
        raise SettingError(
            "--host, PORTAL_BASE_URL: the demo accounts in this database have a known password and are for loopback"
            " addresses only; give this portal another data folder (--data) or database (DATABASE_URL)"
        )


async def make_demo(settings: Settings) -> None:
    """Invented people for an empty portal, over a pool of its own: the web processes open theirs later."""
    from portal import demo

    await db.connect(settings, owner=True)
    try:
        await demo.ensure(settings)
    finally:
        await db.disconnect()


async def work(settings: Settings) -> int:
    """Jobs, schedules and the relay of events, until SIGTERM or SIGINT; the exit code."""
    from portal import heartbeat, live
    from portal.app import background

    logs.configure()
    faults.arm(settings.fault_at, settings.test_faults)
    tokens.use_keys(settings)  # what jobs tell the screens of waiting rooms is sealed
    ended = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, ended.set)
    await db.connect(settings)
    try:
        async with (
            tracing.running(settings.otlp_endpoint),
            live.running(settings),
            heartbeat.running(settings, "WORKER"),
            background(settings),
        ):
            click.echo("ready")
            await ended.wait()
    finally:
        await db.disconnect()
    return 0


def open_all_files() -> None:
    """Each live stream is a file: take as many as the system lets us, not the few that programs get unasked."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems call unlimited what they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `SettingError` when the address cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingError(f"--host, --port: cannot listen on {host} port {port}: {error.strerror}") from None


class Single(uvicorn.Server):
    """One process that says when it answers."""

    def __init__(self, config: uvicorn.Config, announce: str) -> None:
        super().__init__(config)
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(self.announce)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        leave_at_the_latest([])


async def create_admin(settings: Settings, data: "NewAdmin") -> None:
    """The first person who can verify others. Raises `Conflict` for an address that has an account."""
    from portal.migrations import migrate
    from portal.registration.actions import create_system_admin

    if settings.embedded:
        await migrate(settings)
    await db.connect(settings, owner=True)
    try:
        await create_system_admin(data.email, data.password, data.first_name, data.last_name)
    finally:
        await db.disconnect()


async def check_audit(settings: Settings, anchor_files: Sequence[Path]) -> ChainCheck:
    """Walk the audit's chains beside whatever else runs."""
    from portal.audit import queries

    await check_database(settings)
    await db.connect(settings, owner=True)
    try:
        return await queries.check_chains(settings, anchor_files)
    finally:
        await db.disconnect()
