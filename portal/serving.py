"""What `portal serve` does: the embedded database where none is given, migrations, web processes, one line when ready.

Whoever supervises workers keeps what it has imported, and so does a single web process: what is needed to get ready is
imported by a process of its own, and what only web processes need by them.
"""

import contextlib
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
import uvicorn

from portal.settings import METRICS_FOLDER, PROCESSES, SettingError, Settings, is_loopback
from portal.supervising import Processes, aside, leave_at_the_latest
from portal.web import logs

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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # while nothing is served yet; what was begun is ended
    logs.configure()
    open_all_files()
    listener = bound(host, port)
    with database(settings) as running:
        aside(get_ready, running, host)
        os.environ.update(environ, DATABASE_URL=running.database_url, PORTAL_EMBEDDED=str(running.embedded).lower())
        os.environ[PROCESSES] = str(workers)
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, lambda *_: None)  # uvicorn raises the signal anew when all is done: that is no failure
        config = uvicorn.Config(
            "portal.app:from_environment",
            factory=True,
            http="portal.web.protocol:Protocol",
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
            os.environ[METRICS_FOLDER] = str(empty_folder(running.data / "metrics" / str(port)))
            processes = Processes(config, listener, announce)
            processes.run()
            return 0 if processes.answered else 1
        server = Single(config, announce)
        server.run(sockets=[listener])
        return 0 if server.started else 1


def get_ready(settings: Settings, host: str) -> None:
    """See `commands.get_ready`, which is imported where it is needed."""
    from portal import commands

    commands.get_ready(settings, host)


def empty_folder(folder: Path) -> Path:
    """Where the processes of one `portal serve` share their counts; what an earlier run left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


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
