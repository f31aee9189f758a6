"""A PostgreSQL of its own for one test module, which may be stopped, restarted and starved."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal.embedded import EmbeddedPostgres, client_program

# Its processes are killed, the machine never: nothing is lost by not waiting for the disk, but what was committed must
# have left them.
QUICK = "fsync = off\nfull_page_writes = off\n"


@dataclass
class Server:
    """A running server; `restart` is as hard as a power cut for its processes."""

    url: str
    data: Path

    def restart(self) -> tuple[float, float]:
        """Kill all of its processes and start it again; when it went and when it was back."""
        gone = time.time()
        try:
            self.control("restart")
        except subprocess.CalledProcessError:  # on a busy machine the dead hold their memory for a moment longer
            time.sleep(1)
            self.control("start")
        return gone, time.time()

    def control(self, verb: str) -> None:
        """What `pg_ctl` does; it refuses to be root."""
        owner = {"user": self.data.owner()} if os.geteuid() == 0 else {}
        command = [
            client_program("pg_ctl"),
            "-D",
            str(self.data),
            "-m",
            "immediate",
            "-w",
            "-l",
            str(self.data / "log"),
        ]
        subprocess.run(
            [*command, verb], check=True, cwd=self.data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **owner
        )  # type: ignore[call-overload]


@contextmanager
def postgres() -> Iterator[Server]:
    """Started in a new folder, and stopped whatever has become of it."""
    folder = Path(tempfile.mkdtemp(prefix="care-own-pg-"))
    server = Server(EmbeddedPostgres(folder / "data").url, folder / "data")
    (server.data / "postgresql.auto.conf").write_text(QUICK)
    server.control("reload")
    with stopped_afterwards(server, folder):
        yield server


@contextmanager
def stopped_afterwards(server: Server, folder: Path) -> Iterator[None]:
    """In the end the server is stopped, unless it is already, and nothing of it is left."""
    try:
        yield
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.control("stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replica(server: Server) -> Iterator[Server]:
    """A copy of a running server that follows it; whoever is connected to it can only read."""
    folder = Path(tempfile.mkdtemp(prefix="care-replica-"))
    copy = Server(server.url.replace(str(server.data), str(folder)), folder / "data")
    copied = ["-h", str(server.data), "-U", "postgres", "-D", str(copy.data), "-R", "-X", "stream", "-c", "fast"]
    subprocess.run([client_program("pg_basebackup"), *copied], check=True, capture_output=True)
    with (copy.data / "postgresql.auto.conf").open("a") as file:
        file.write(f"unix_socket_directories = '{folder}'\nlisten_addresses = ''\n")
    if os.geteuid() == 0:
        for path in [folder, copy.data, *copy.data.rglob("*")]:
            shutil.chown(path, server.data.owner())
    copy.control("start")
    with stopped_afterwards(copy, folder):
        yield copy
