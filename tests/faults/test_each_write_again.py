"""G8: at each write PostgreSQL may ask for another try; it gets three, and then the caller is told to come back."""

import ast
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.settings import Settings
from tests import catalogue, factories
from tests.booking.attacks import booking
from tests.clients import a_client, registration
from tests.factories import Person
from tests.invariants import broken
from tests.portal_server import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.G8]

CODES = ["40001", "40P01"]
# Every write leaves its row in the audit: there it fails, the first two times or always.
TRIGGER = """
CREATE SEQUENCE asked;
CREATE FUNCTION ask_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('asked') <= 2 OR TG_ARGV[1] = 'always' THEN RAISE EXCEPTION 'again' USING ERRCODE = TG_ARGV[0]; END IF;
    RETURN NEW;
END $$;
"""


def test_every_action_is_tried_again() -> None:
    """Whoever opens a transaction for a caller carries `@db.retried`; what an action calls inside is tried with it."""
    plain = []
    for path in (ROOT / "portal").glob("*/actions.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                tried = any("retried" in ast.unparse(mark) for mark in node.decorator_list)
                if "db.transaction()" in ast.unparse(node) and not tried:
                    plain.append(f"{path.parent.name}: {node.name}")
    assert not plain


@pytest.fixture(scope="module")
async def owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(TRIGGER)
    yield connection
    await connection.close()


async def ask_again(owner: asyncpg.Connection, code: str, how: str) -> None:
    await owner.execute("DROP TRIGGER IF EXISTS again ON audit_event; SELECT setval('asked', 1, false)")
    if code:
        trigger = "CREATE TRIGGER again BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION ask_again($1, $2)"
        await owner.execute(trigger.replace("$1", f"'{code}'").replace("$2", f"'{how}'"))


Write = tuple[str, str, Person | None, dict[str, Any] | None]


async def writes() -> list[Write]:
    """A visit's life and an account's, each step a write of its own that the one before makes possible."""
    doctor, patient = await factories.doctor(), await factories.patient()
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=20)
    held, booked = [await factories.slot(doctor.id, soon + timedelta(minutes=15 * number)) for number in range(2)]
    return [
        ("POST", "/api/auth/register", None, registration(f"{held}@test.example")),
        ("POST", f"/api/slots/{held}/hold", patient, None),
        ("DELETE", f"/api/slots/{held}/hold", patient, None),
        ("POST", "/api/appointments", patient, booking(booked)),
        ("POST", "/api/appointments/{id}/reschedule", patient, {"slot_id": str(held)}),
        ("POST", "/api/appointments/{id}/check-in", doctor, None),
        ("POST", "/api/appointments/{id}/cancel", patient, {"reason": "x"}),
        ("POST", "/api/auth/logout", patient, {}),
    ]  # fmt: skip


async def carry_out(client: httpx.AsyncClient, visit: str, write: Write) -> httpx.Response:
    method, path, who, body = write
    given: dict[str, Any] = {"headers": who.bearer if who else {}}
    if body is not None:
        given["json"] = body
    return await client.request(method, path.replace("{id}", visit), **given)


@pytest.mark.parametrize("code", CODES)
async def test_asked_at_each_write(app: Litestar, owner: asyncpg.Connection, settings: Settings, code: str) -> None:
    """Asked twice it works; asked always it is 503 and nothing has changed, whereupon it works."""
    steps, visit, seen = await writes(), "", []
    async with a_client(app) as client:
        for step in steps:
            await ask_again(owner, code, "always")
            refused = await carry_out(client, visit, step)
            tries = await db.fetch_value("SELECT last_value FROM asked")
            await ask_again(owner, code, "twice")
            done = await carry_out(client, visit, step)
            visit = done.json()["id"] if "/appointments" in step[1] and done.status_code == 201 else visit
            seen.append(
                (step[1], refused.status_code, bool(refused.headers.get("retry-after")), tries, done.status_code)
            )
    await ask_again(owner, "", "")
    catalogue.figure("G8", f"{code} at {len(seen)} writes: tried {max(one[3] for one in seen)} times, then 503; no 500")
    assert all(one[1:4] == (503, True, db.ATTEMPTS) and one[4] < 300 for one in seen), seen
    assert not await broken(settings.database_url)
