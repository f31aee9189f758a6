"""The second wall by itself: what the database shows and lets be done, whatever the application asks for."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from portal import acting, db
from portal.app import create_app
from portal.migrations import migrate
from portal.settings import Settings
from tests import catalogue, factories
from tests.access.world import World, build
from tests.clients import a_client
from tests.conftest import database
from tests.factories import Person

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend")]

TURNS = 1000
VISITS = "SELECT patient_id FROM appointment"
# What everybody may read of a protected table, or nothing.
SHOWN = {"account": "role = 'DOCTOR' AND status = 'ACTIVE'"}
PRIVATE = """
SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relrowsecurity AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname
HAVING NOT bool_or(pg_get_expr(p.polqual, p.polrelid) = 'true') ORDER BY c.relname
"""
HARM = [
    "UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event",
    "ALTER TABLE audit_event DISABLE TRIGGER ALL", "DROP TABLE audit_event",
]  # fmt: skip
AROUND = [
    "UPDATE audit_head SET seq = 0", "INSERT INTO audit_head VALUES (99, 0, '')",
    "DROP TRIGGER audit_event_chained ON audit_event",
    "CREATE OR REPLACE FUNCTION audit_digest(event audit_event) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT ''::bytea $$",
    "ALTER TABLE appointment DISABLE ROW LEVEL SECURITY", "DROP POLICY own ON appointment", "SELECT protect('specialty')",
]  # fmt: skip


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    """Everybody and everything of the matrix, so that each private table holds rows."""
    app = create_app(settings)
    async with app.lifespan():
        made = await build()
        await db.execute(
            "INSERT INTO refresh_token (token_hash, login_id, expires_at) SELECT 'x', id, now() FROM login LIMIT 1"
        )
        yield made


async def number_of(table: str, condition: str = "true", whom: acting.Acting = acting.PORTAL) -> int:
    with acting.acting(whom):
        return await db.fetch_value(f'SELECT count(*) FROM "{table}" WHERE {condition}')


@pytest.mark.C7
async def test_nobody_sees_a_private_row(world: World) -> None:
    tables = [row["relname"] for row in await db.fetch(PRIVATE)]
    stored = {table: await number_of(table) for table in tables}
    assert len(tables) >= 14 and all(stored.values()), f"nothing to be seen in {[t for t in tables if not stored[t]]}"
    seen = {table: await number_of(table, f"NOT ({SHOWN.get(table, 'false')})", acting.NOBODY) for table in tables}
    catalogue.figure("C7", f"nobody sees {sum(seen.values())} of {sum(stored.values())} rows of {len(tables)} tables")
    assert not any(seen.values()), seen


@pytest.mark.C7
async def test_nobody_writes_a_row(world: World) -> None:
    """Neither somebody else's nor one of their own: what a visitor may bring about, the portal itself does."""
    with acting.acting(acting.NOBODY):
        changed = [
            await db.execute("UPDATE account SET first_name = 'X'"), await db.execute("UPDATE slot SET disabled = true"),
            await db.execute("DELETE FROM clinic"), await db.execute("UPDATE notification SET read_at = now()"),
        ]  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(
                "INSERT INTO notification (id, account_id, kind) SELECT gen_random_uuid(), account_id, '' FROM doctor"
            )
    assert changed == [0, 0, 0, 0]


def patients(world: World) -> list[Person]:
    return [person for name in ("owner", "other", "far patient") if (person := world.people[name])]


@pytest.mark.C7
async def test_a_pool_tells_nothing_of_the_last_user(world: World) -> None:
    people = patients(world)
    strange = 0
    for turn in range(TURNS):
        person = people[turn % 3] if turn % 4 else None
        with acting.acting(acting.person(person.actor if person else None)):
            rows = await db.fetch(VISITS)
        assert bool(rows) is bool(person)
        strange += sum(row["patient_id"] != (person.id if person else None) for row in rows)
    catalogue.figure("C7", f"{TURNS} users by turns on one pool: {strange} rows of the user before")
    assert strange == 0


@pytest.mark.C7
async def test_a_session_that_remembers_tells_of_the_last_user(world: World) -> None:
    """The naive twin: who acts is told to the session, and the next user of the connection may be nobody."""
    pool = await asyncpg.create_pool(
        db.DB.config["dsn"], min_size=2, max_size=2, server_settings={"role": "care_portal_app"}, reset=_nothing
    )
    async with pool:
        strange = await remembered(pool, patients(world))
    catalogue.figure("C7", f"naive twin that tells the session: {strange} rows of the user before")
    assert strange > 0


async def _nothing(_connection: object) -> None:
    """What is left in a session stays there."""


async def remembered(pool: asyncpg.Pool, people: list[Person]) -> int:
    strange = 0
    for turn in range(TURNS // 10):
        person = people[turn % 3] if turn % 2 else None
        async with pool.acquire() as connection:
            if person:
                await connection.execute(acting.person(person.actor).statements.replace("LOCAL", "SESSION"))
            rows = await connection.fetch(VISITS)
        strange += sum(row["patient_id"] != (person.id if person else None) for row in rows)
    return strange


@pytest.mark.C7
async def test_a_rollback_that_was_cut_off_is_finished(world: World) -> None:
    """A connection that comes back in an open transaction would hand its user on to the next one."""
    person, pool = patients(world)[0], db.DB.pool
    for _ in range(pool.get_max_size() * 2):
        connection = await pool.acquire()
        await connection.execute("BEGIN; " + acting.person(person.actor).statements)
        await pool.give_back(connection)
    with acting.acting(acting.NOBODY):
        assert [await db.fetch(VISITS) for _ in range(pool.get_max_size() * 2)] == [[]] * pool.get_max_size() * 2


@pytest.mark.H5
@pytest.mark.parametrize("whom", [acting.NOBODY, acting.PORTAL])
async def test_the_application_cannot_change_its_audit(world: World, whom: acting.Acting) -> None:
    refused = 0
    for statement in HARM + AROUND:
        with acting.acting(whom), pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(statement)
        refused += statement in HARM
    catalogue.figure(
        "H5", f"as {whom.role or 'nobody'}: {refused} of {len(HARM)} refused, and {len(AROUND)} ways around"
    )
    assert await number_of("audit_event") > 0


async def test_nobody_speaks_for_another_in_the_audit(world: World) -> None:
    one, other, _far = patients(world)
    insert = "INSERT INTO audit_event (actor_id, action, subject_type, subject_id) VALUES ($1, 'test', 'test', '')"
    with acting.acting(acting.person(one.actor)):
        assert await db.execute(insert, one.id) == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(insert, other.id)


async def test_acting_as_the_portal_ends_with_its_block(world: World) -> None:
    own = acting.person(patients(world)[0].actor)
    with acting.acting(own):
        async with db.transaction():
            before = await db.fetch_value("SELECT count(*) FROM login")
            async with db.as_portal():
                everybodys = await db.fetch_value("SELECT count(*) FROM login")
            assert await db.fetch_value("SELECT count(*) FROM login") == before < everybodys
        with pytest.raises(ValueError):
            async with db.transaction(), db.as_portal():
                raise ValueError
        assert acting.now() == own and await db.fetch_value("SELECT count(*) FROM login") == before


@pytest.fixture
async def rented(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """A database whose owner is no superuser and may make no roles, as on a rented server."""
    name, admin = f"rented_{uuid4().hex[:8]}", await asyncpg.connect(postgres)
    await admin.execute(f"CREATE ROLE {name} LOGIN; GRANT care_portal_app TO {name}")
    await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
    url = database(postgres, name)
    user = urlsplit(url).netloc.split(":")[0].split("@")[0]
    yield Settings(
        database_url=url.replace(f"//{user}", f"//{name}", 1), data=tmp_path_factory.mktemp("rented"), rate_limit=0,
        base_url="http://testserver.local",
    )  # fmt: skip
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.execute(f"DROP ROLE {name}")
    await admin.close()


@pytest.mark.C7
async def test_an_owner_who_is_no_superuser_is_bound_too(template: str, rented: Settings) -> None:
    await migrate(rented)
    app = create_app(rented)
    async with app.lifespan():
        person = await factories.patient(first_name="Rentia")
        async with a_client(app, person) as browser:
            assert "Rentia" in (await browser.get("/settings")).text
        owner = await asyncpg.connect(rented.database_url)
        assert await owner.fetchval("SELECT count(*) FROM account") == 0  # FORCE
        await owner.close()
        assert await number_of("account") == 1
