"""PostgreSQL's own programs, run as processes: the only place that starts them."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from portal.backup import BackupError
from portal.embedded import client_program

CHUNK = 1 << 18


def major_version(program: str) -> int:
    """Of a client program on this machine."""
    said = subprocess.run([client_program(program), "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"\d+", said)
    return int(found.group()) if found else 0


def dump(database_url: str, snapshot: str, out: IO[bytes]) -> None:
    """Write the database as one snapshot sees it. Raises `BackupError`."""
    options = [
        "--format=custom",
        "--no-owner",
        "--enable-row-security",
        "--lock-wait-timeout=30s",
        f"--snapshot={snapshot}",
    ]
    with running("pg_dump", database_url, *options, stdout=subprocess.PIPE) as process:
        shutil.copyfileobj(process.stdout, out, CHUNK)


def restore(part: IO[bytes], database_url: str, server: int, finally_sql: str) -> None:
    """Put a dump back and run `finally_sql`, all in one transaction. Raises `BackupError`; then nothing has changed.

    Whatever fails, psql is ended before its input is: it never comes to the commit.
    """
    script = [
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--no-psqlrc",
        "--quiet",
        "--output=/dev/null",
        "--file=-",
    ]
    with running("psql", database_url, *script, stdin=subprocess.PIPE) as into:
        try:
            with running(
                "pg_restore",
                None,
                "--no-owner",
                "--no-privileges",
                "--file=-",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            ) as out:
                _pump(part, out, into, server)
            into.stdin.write(finally_sql.encode())
            into.stdin.close()
        except BrokenPipeError:
            pass  # psql has stopped reading, and says why


def _pump(part: IO[bytes], out: Any, into: Any, server: int) -> None:
    """From the file through pg_restore to psql; a second thread, because both ends of a program may be full at once."""
    feeding = threading.Thread(target=_feed, args=(part, out.stdin))
    feeding.start()
    try:
        _pour(out.stdout, into.stdin, server)
    except BaseException:
        out.kill()
        raise
    finally:
        feeding.join()


def _feed(part: IO[bytes], into: IO[bytes]) -> None:
    with suppress(BrokenPipeError), into:  # the program says why it stopped reading
        shutil.copyfileobj(part, into, CHUNK)


def _pour(script: IO[bytes], into: IO[bytes], server: int) -> None:
    first = script.read(CHUNK)
    if server < 17:  # the program sets what such a server does not know yet
        first = first.replace(b"SET transaction_timeout = 0;\n", b"", 1)
    into.write(first)
    shutil.copyfileobj(script, into, CHUNK)


@contextmanager
def running(program: str, database_url: str | None, *options: str, **pipes: Any) -> Iterator[Any]:
    """A program at work; when the block is left early it is ended before it has changed anything."""
    # Row-level security binds the owner too; whoever saves or puts back everything is the portal itself.
    environment = os.environ | {"PGOPTIONS": "-c app.role=PORTAL"}
    if database_url is not None:
        address, password = split_password(database_url)
        options = (*options, f"--dbname={address}")
        environment |= {"PGPASSWORD": password} if password else {}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603
            [client_program(program), *options], stderr=said, env=environment, **pipes
        )
        try:
            yield process
            failed = process.wait() != 0
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(BrokenPipeError):
                    pipe and pipe.close()
        if failed:
            said.seek(0)
            raise BackupError(f"{program}: {told(said.read().decode(errors='replace'))}")


def told(text: str) -> str:
    """The first line that a program said about its failure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "failed")[:300]


def split_password(database_url: str) -> tuple[str, str]:
    """The address without its password, which must not stand in the list of processes; and the password."""
    parts = urlsplit(database_url)
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}{at}{host}").geturl(), unquote(parts.password or "")
