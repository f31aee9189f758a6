"""What was saved is there again, on another machine, to the last row."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from portal import db
from portal.audit import jobs
from portal.backup import programs, restoring, saving
from portal.migrations import migrate
from tests.audit.test_tampering import APPEND
from tests.backup.conftest import Machine, NewMachine
from tests.invariants import broken

pytestmark = [pytest.mark.anyio, pytest.mark.H8]

CHANGED_ON_PURPOSE = {"audit_event", "audit_head", "login", "refresh_token", "password_reset", "idempotency_key"}
UNDER_WAY = """
INSERT INTO idempotency_key (scope, key, request_hash, claim, claimed_at, done_at) VALUES
    (gen_random_uuid(), 'under way', '', gen_random_uuid(), clock_timestamp(), NULL),
    (gen_random_uuid(), 'done', '', gen_random_uuid(), clock_timestamp(), clock_timestamp())
"""


async def content(database_url: str) -> dict[str, list[Any]]:
    """Every row of every table that a restore leaves alone."""
    connection = await asyncpg.connect(database_url)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = {}
    for (name,) in names:
        if name not in CHANGED_ON_PURPOSE:
            found[name] = sorted(map(str, await connection.fetch(f'SELECT * FROM "{name}"')))
    await connection.close()
    return found


async def test_everything_is_there_again(old: Machine, new_machine: NewMachine, tmp_path: Path) -> None:
    """By the commands, as an operator does it. Who signed out since must not come back with the back-up."""
    path = tmp_path / "portal.zip"
    saved = old.run("backup", str(path))
    assert saved.returncode == 0 and str(path) in saved.stdout, saved.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    new = await new_machine()
    done = new.run("restore", str(path))
    assert done.returncode == 0, done.stderr
    assert "everybody signs in again" in done.stdout and "501 rows are as they were written" in done.stdout
    assert await content(new.settings.database_url) == await content(old.settings.database_url)
    assert await broken(new.settings.database_url) == {}
    async with new.pool():
        assert await db.fetch_value("SELECT count(*) FROM login WHERE revoked_reason = 'restored'") == 4
        assert await db.fetch_value("SELECT count(*) FROM login WHERE revoked_at IS NULL") == 0
        assert await db.fetch_value("SELECT count(*) FROM audit_event WHERE action = 'system.restored'") == 1
    again = new.run("restore", str(path))
    assert again.returncode == 1 and "not empty" in again.stderr and len(again.stderr.splitlines()) == 1


async def test_what_was_lost_is_told(old: Machine, saved: Path, new_machine: NewMachine) -> None:
    """The anchors survive in a second place: they know how many rows were written after the back-up."""
    async with old.pool():
        await db.execute(APPEND, 500, 507)
        await jobs.anchor(old.settings)
    new = await new_machine()
    settings = replace(new.settings, audit_anchor=str(old.settings.data / "audit-anchor"))
    done = await restoring.restore(settings, saved)
    assert done.lost == 7 and done.check.whole, done
    assert any("7 rows of the audit were written after it and are lost" in line for line in restoring.described(done))


async def test_an_older_back_up_is_brought_up_to_date(new_machine: NewMachine, old: Machine, tmp_path: Path) -> None:
    """Of a version with one migration less: here that one is undone by hand."""
    previous, path = await new_machine(), tmp_path / "older.zip"
    await migrate(previous.settings)
    await previous.as_superuser(
        "DROP INDEX notification_unread; DELETE FROM migration WHERE name = '2026-11-20T09:40:00'"
    )
    await saving.back_up(previous.settings, path)
    new = await new_machine()
    assert (await restoring.restore(new.settings, path)).migrated
    async with new.pool():
        assert await db.fetch_value("SELECT to_regclass('notification_unread') IS NOT NULL")


async def test_an_owner_who_is_no_superuser_can_do_it(
    postgres: str, saved: Path, new_machine: NewMachine, tmp_path: Path
) -> None:
    """As on a rented database: whoever owns the portal's own database, and nothing else."""
    new, name = await new_machine(), f"owner_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE ROLE {name} LOGIN")
    await admin.execute(f"ALTER DATABASE {urlsplit(new.settings.database_url).path[1:]} OWNER TO {name}")
    settings = replace(new.settings, database_url=new.settings.database_url.replace("postgres:@", f"{name}:@"))
    assert (await restoring.restore(settings, saved)).check.whole
    manifest = await saving.back_up(settings, tmp_path / "again.zip")
    assert manifest.counts["audit_event"] == 501
    owned = await asyncpg.connect(new.settings.database_url)
    await owned.execute(f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}")
    await owned.close()
    await admin.execute(f"DROP ROLE {name}")
    await admin.close()


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        (
            "postgresql://portal:a%40b@db:5432/care?sslmode=require",
            "postgresql://portal@db:5432/care?sslmode=require",
            "a@b",
        ),
        ("postgresql://postgres:@/care?host=/tmp/x", "postgresql://postgres@/care?host=/tmp/x", ""),
        ("postgresql://db/care", "postgresql://db/care", ""),
    ],
)
async def test_the_password_is_not_in_the_list_of_processes(url: str, address: str, password: str) -> None:
    assert programs.split_password(url) == (address, password)


async def test_keys_of_requests_that_were_under_way_are_free_again(
    old: Machine, new_machine: NewMachine, tmp_path: Path
) -> None:
    """Their effect is not in the back-up; a repeated request must find the key free, and that of one that is done taken."""
    await old.as_superuser(UNDER_WAY)
    await saving.back_up(old.settings, tmp_path / "portal.zip")
    new = await new_machine()
    assert not (await restoring.restore(new.settings, tmp_path / "portal.zip")).wrong_counts
    async with new.pool():
        assert await db.fetch_value("SELECT array_agg(key) FROM idempotency_key") == ["done"]


async def test_what_is_held_is_recognised_by_the_same_words() -> None:
    assert restoring.HELD in restoring.AFTERWARDS
