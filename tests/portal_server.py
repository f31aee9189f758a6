"""The portal as its users run it: `portal serve` as a process of its own, on a random port."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal import db, storage
from portal.accounts import tokens
from portal.settings import Settings
from tests.services import free_port

ROOT = Path(__file__).parent.parent


@dataclass
class Served:
    """A running portal: where it answers, and the process to signal."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def stop(self) -> int:
        """Ask it to end; its exit code. Raises TimeoutExpired when it takes more than ten seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@contextmanager
def served(*options: str, data: Path | None = None, port: int = 0, **environment: str) -> Iterator[Served]:
    """Start `portal serve`, wait for its `ready` line, end it. Settings are given as environment variables."""
    port = port or free_port()
    folder = data or Path(tempfile.mkdtemp(prefix="care-served-"))
    log = folder / "log"
    folder.mkdir(parents=True, exist_ok=True)
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith("PORTAL_") and k not in {"DATABASE_URL", "REDIS_URL"}
    }
    clean.setdefault("PORTAL_VIDEO", "webrtc")  # whatever AWS knows of this machine
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("portal")), "serve", "--port", str(port), "--data", str(folder), *options],
            stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env={**clean, **environment},
            start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if not line.startswith("ready "):
                raise RuntimeError(f"portal serve did not start: {line}\n{log.read_text()[-2000:]}")
            yield Served(line.removeprefix("ready "), process, log)
        finally:
            _end(process)


@asynccontextmanager
async def beside(portal: Served, database_url: str, data: Path) -> AsyncIterator[None]:
    """The test's own pool on a served portal's database, with its keys and files: to make people whose logins it takes."""
    settings = Settings(database_url=database_url, data=data, base_url=portal.url, rate_limit=0)
    tokens.use_keys(settings)
    storage.use(settings)
    await db.connect(settings)
    try:
        yield
    finally:
        await db.disconnect()


def _end(process: subprocess.Popen[str]) -> None:
    """End the portal with its workers and its database; a stuck one is killed with its whole process group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
