"""Several web processes on one socket: copies of one that is ready, started anew when one dies, gone in time when asked."""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from types import FrameType
from typing import Any

import click
import uvicorn
import uvicorn._subprocess
from uvicorn.supervisors import multiprocess as supervisor

from portal.settings import SettingError

START_SECONDS = 60
LATEST_SECONDS = 8.5  # after SIGTERM nothing runs for longer


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


def aside(work: Callable[..., None], *args: Any) -> None:
    """Do something in a process of its own, which takes all that it needed with it when it ends.

    Raises the `SettingError` that `work` raises. After anything else, which it has told by itself, this program ends too;
    when this program ends meanwhile, so does that process.
    """
    context = multiprocessing.get_context("fork")
    hearing, saying = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(saying, work, args))
    process.start()
    saying.close()
    try:
        error = hearing.recv()
    except EOFError:
        sys.exit(1)
    finally:
        process.terminate()
        process.join()
    if error is not None:
        raise error


def _tell(saying: Connection, work: Callable[..., None], args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    error = None
    try:
        work(*args)
    except SettingError as one:
        error = one
    except KeyboardInterrupt:  # of the terminal, which tells the program too
        return
    saying.send(error)


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
