"""What `portal serve` does: the embedded database where none is given, migrations, web processes, one line when ready."""

import asyncio
import contextlib
import multiprocessing
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import asyncpg
import click
import uvicorn
import uvicorn._subprocess
from uvicorn.supervisors import multiprocess as supervisor

from portal import db, faults, heartbeat, live, metrics, tracing
from portal.accounts import passwords, tokens
from portal.audit import queries
from portal.audit.schemas import ChainCheck
from portal.pool import is_migrated
from portal.settings import SettingError, Settings, is_loopback
from portal.web import logs
from portal.web.protocol import Protocol

if TYPE_CHECKING:
    from portal.registration.schemas import NewAdmin

START_SECONDS = 60
CONNECT_SECONDS = 10
LATEST_SECONDS = 8.5  # after SIGTERM nothing runs for longer
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
        from portal.migrations import migrate  # not at the top: what supervises workers keeps what it has imported

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


class Worker(supervisor.Process):
    """One of several processes."""

    def _healthcheck(self, timeout: float) -> bool | None:
        """Ask whether it answers. It may have been killed a moment ago: then nobody waits for its answer."""
        with contextlib.suppress(OSError, EOFError):
            self.parent_conn.send(b"ping")
            if self.parent_conn in wait([self.parent_conn, self.process.sentinel], timeout):
                return bool(self.parent_conn.recv())
        return None


class Processes(supervisor.Multiprocess):
    """Several processes on one socket, started anew when one dies."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, announce: str) -> None:
        super().__init__(config, [listener])
        uvicorn._subprocess.spawn = copies_of_a_ready_process()  # type: ignore[assignment]  # another way to start
        supervisor.Process = Worker  # type: ignore[misc]  # and another way to ask
        self.announce = announce
        self.answered = False
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, self.leave)

    def init_processes(self) -> None:
        super().init_processes()
        self.answered = all(process.wait_until_ready(START_SECONDS, self.should_exit) for process in self.processes)
        if self.answered:
            click.echo(self.announce)
        else:  # whoever watches over us starts us anew, and hears of it
            self.should_exit.set()

    def leave(self, _signal: int, _frame: FrameType | None) -> None:
        """Tell the children at once: the loop of `run` may be waiting for one of them to answer."""
        self.should_exit.set()
        children = [process.pid for process in self.processes if process.pid and process.exitcode is None]
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        leave_at_the_latest(children)


def copies_of_a_ready_process() -> ForkServerContext:
    """How workers are started: copied from a process that has imported everything, never from one that works.

    A worker that died is back in a moment that way, on a machine that is busy too: uvicorn's own way imports the whole
    portal anew, and gives up on a worker that needs longer than five seconds for it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["portal.origin"])
    return context


def leave_at_the_latest(children: list[int]) -> None:
    """Whatever hangs after SIGTERM, the program ends in time; PostgreSQL and open bookings survive that."""

    def leave() -> None:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)

    timer = threading.Timer(LATEST_SECONDS, leave)
    timer.daemon = True
    timer.start()


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
    await check_database(settings)
    await db.connect(settings, owner=True)
    try:
        return await queries.check_chains(settings, anchor_files)
    finally:
        await db.disconnect()
