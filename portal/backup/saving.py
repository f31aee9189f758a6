"""Make a back-up while the portal goes on working."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import asyncpg

from portal import __version__, storage
from portal.audit import anchors
from portal.backup import BackupError, archive, programs
from portal.backup.archive import Manifest
from portal.pool import session_of
from portal.settings import Settings

# Folders under the data folder that belong to a back-up. Keys do not: who steals a back-up must not be able to sign
# tokens, and with the keys elsewhere a forged back-up shows.
FOLDERS = (anchors.FOLDER,)

TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
COUNT = "SELECT format('SELECT count(*) FROM public.%I', $1::text)"
MIGRATIONS = "SELECT name FROM migration ORDER BY id"
REACHED = "SELECT chain, seq FROM audit_head ORDER BY chain"
SERVER = "SELECT current_setting('server_version_num')::int / 10000"


async def back_up(settings: Settings, path: Path) -> Manifest:
    """Write everything as it is at one moment into a file. Raises `BackupError`; then there is no new file."""
    key = archive.key_of(settings)
    connection = await connect(settings)
    try:
        with archive.writing(path) as writer:
            add_files(settings, writer)  # before the snapshot: no anchor is newer than the rows
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                manifest = await describe(connection)
                snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
                writer.add(
                    archive.DATABASE, lambda part: programs.dump(settings.database_url, snapshot, part)
                )  # waits: nothing else happens in this process
            add_stored(settings, writer)  # after the snapshot: a file is there before the row that names it
            manifest.parts = writer.parts
            writer.finish(manifest, key)
    finally:
        await connection.close()
    return manifest


async def connect(settings: Settings) -> asyncpg.Connection:
    """A connection of its own. Raises `BackupError`."""
    try:
        return await asyncpg.connect(settings.database_url, timeout=10, server_settings=session_of(owner=True))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise BackupError(f"DATABASE_URL: cannot connect ({type(error).__name__})") from None


async def describe(connection: asyncpg.Connection) -> Manifest:
    """What the open transaction sees. Raises `BackupError` for a database without the portal's tables."""
    tables = [row["relname"] for row in await connection.fetch(TABLES)]
    if "account" not in tables:
        raise BackupError("there is nothing to save: this database has no tables of the portal")
    return Manifest(
        made_at=await connection.fetchval("SELECT clock_timestamp()"),
        version=__version__,
        migrations=[row["name"] for row in await connection.fetch(MIGRATIONS)],
        server=await connection.fetchval(SERVER),
        program=programs.major_version("pg_dump"),
        counts=await counts(connection, tables),
        reached=[(row["chain"], row["seq"]) for row in await connection.fetch(REACHED)],
        parts={},
    )


async def counts(connection: asyncpg.Connection, tables: list[str]) -> dict[str, int]:
    """How many rows each table has."""
    return {name: await connection.fetchval(await connection.fetchval(COUNT, name)) for name in tables}


def add_files(settings: Settings, writer: archive.Writer) -> None:
    for folder in FOLDERS:
        for path in sorted((settings.data / folder).rglob("*")):
            if path.is_file():
                writer.add(f"files/{path.relative_to(settings.data)}", archive.copy_file(path))


def add_stored(settings: Settings, writer: archive.Writer) -> None:
    """What people have sent, where it lies in the data folder; a bucket has back-ups of its own."""
    for path in sorted((settings.data / storage.FOLDER).rglob("*")):
        if not path.is_file() or path.name.startswith("."):  # not whole yet
            continue
        with suppress(FileNotFoundError):  # an orphan that is taken away at this moment
            content = path.read_bytes()
            writer.add(f"files/{path.relative_to(settings.data)}", partial(put, content))


def put(content: bytes, part: IO[bytes]) -> None:
    part.write(content)
