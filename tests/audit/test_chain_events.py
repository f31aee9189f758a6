"""The chain has no forks, shows what was tampered with, and no act happens without its row."""

import asyncio
import subprocess
import sys
import time
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from portal import db
from portal.accounts.schemas import Role
from portal.audit import actions, queries
from portal.audit.schemas import AuditFilter, AuditRow
from portal.settings import Settings
from tests import catalogue, factories
from tests.owner import as_owner
from tests.portal_server import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def append(actor: factories.Person, action: str = "test.done") -> None:
    async with db.transaction():
        await actions.record_in_tx(actor.actor, action, subject_type="test", subject_id="1", patient_id=actor.id)


async def find(**wanted: Any) -> tuple[list[AuditRow], int]:
    admin = await factories.person(Role.SYSTEM_ADMIN)
    return await queries.search(admin.actor, AuditFilter(**wanted), limit=200)


async def as_superuser(settings: Settings, *statements: str) -> None:
    """Change rows as somebody who owns the database: triggers off, as an attacker would."""
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("SET session_replication_role = replica")
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def rows(settings: Settings) -> factories.Person:
    """A chain of a hundred rows of one actor, alone in the table."""
    await as_superuser(
        settings,
        "DELETE FROM audit_event",
        "UPDATE audit_head SET seq = 0, hash = sha256(convert_to('care-portal audit chain ' || chain, 'UTF8'))",
    )
    actor = await factories.patient()
    for _ in range(100):
        await append(actor)
    assert (await queries.check_chains()).whole
    return actor


@pytest.mark.H4
@pytest.mark.race
async def test_appends_from_three_processes_make_no_forks(settings: Settings) -> None:
    """3,000 appends at once on one chain; the twin that reads the head without its lock forks."""
    actor = await factories.patient()
    command = [sys.executable, "-m", "tests.audit.appender", settings.database_url, str(actor.id), "1000"]
    begun = time.monotonic()
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [await asyncio.to_thread(process.wait) for process in processes] == [0, 0, 0]
    rate = 3000 / (time.monotonic() - begun)
    forks = await db.fetch_value(
        "SELECT count(*) FROM (SELECT previous_hash FROM audit_event GROUP BY previous_hash HAVING count(*) > 1) f"
    )
    check = await queries.check_chains()
    twin = await naive_forks()
    catalogue.figure(
        "H4", f"3,000 appends of 3 processes on one chain: {forks} forks, {rate:.0f}/s with the start of the processes; "
        f"twin without a lock: {twin} forks",
    )  # fmt: skip
    assert forks == 0 and check.whole and check.rows == 3000
    if catalogue.FULL:  # the rate depends on the machine: it is judged where nothing else runs
        assert rate >= 200
    assert twin > 0, "the naive twin must fork, or this test shows nothing"


async def naive_forks() -> int:
    """The same chain kept by reading the last hash and then inserting."""
    await as_owner("CREATE TABLE naive (id bigserial, previous bytea, hash bytea)")
    await db.execute("INSERT INTO naive (hash) VALUES ('x')")

    async def writer() -> None:
        for _ in range(20):
            last = await db.fetch_value("SELECT hash FROM naive ORDER BY id DESC LIMIT 1")
            await db.execute(
                "INSERT INTO naive (previous, hash) VALUES ($1, sha256($1 || gen_random_uuid()::text::bytea))", last
            )

    await asyncio.gather(*(writer() for _ in range(10)))
    return int(
        await db.fetch_value(
            "SELECT count(*) FROM (SELECT previous FROM naive GROUP BY previous HAVING count(*) > 1) f"
        )
    )


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
async def test_the_application_cannot_change_it(statement: str, rows: factories.Person) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)
    assert len((await find(patient_id=rows.id, action="test.done"))[0]) == 100


async def test_rows_hold_who_what_when_and_outcome(rows: factories.Person) -> None:
    found, total = await find(actor_id=rows.id, action="test.done")
    assert total == 100 and found[0].actor_name == rows.actor.name
    assert (found[0].actor_role, found[0].outcome) == (Role.PATIENT, "OK")
    other: UUID = (await factories.patient()).id
    assert await find(actor_id=other) == ([], 0)


async def test_looking_is_a_row_too(rows: factories.Person) -> None:
    await find(patient_id=rows.id)
    found, _ = await find(action="audit.searched", patient_id=rows.id)
    assert found[0].actor_role == "SYSTEM_ADMIN"


@pytest.mark.H2
async def test_no_audit_no_act(rows: factories.Person, settings: Settings) -> None:
    """H2's ground: when the row cannot be written, the change is not there either."""
    await as_superuser(settings, "ALTER TABLE audit_event ADD CONSTRAINT broken CHECK (action <> 'test.refused')")
    with pytest.raises(asyncpg.CheckViolationError):
        async with db.transaction():
            await db.execute("UPDATE account SET first_name = 'Changed' WHERE id = $1", rows.id)
            await actions.record_in_tx(rows.actor, "test.refused", subject_type="account", subject_id=rows.id)
    await as_superuser(settings, "ALTER TABLE audit_event DROP CONSTRAINT broken")
    assert await db.fetch_value("SELECT first_name FROM account WHERE id = $1", rows.id) == "Ada"
