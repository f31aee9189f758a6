"""What the database itself keeps of visit notes, whatever a statement forgets to ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx
import pytest

from portal import acting, db
from tests.appointments.conftest import Cast, post
from tests.factories import Person
from tests.visits.conftest import begun, write

pytestmark = pytest.mark.anyio

NOTE = "SELECT count(*) FROM visit_note WHERE appointment_id = $1"
VERSIONS = "SELECT count(*) FROM visit_note_version WHERE appointment_id = $1"
DOOR = "SELECT count(*) FROM visit_summary($1)"


@asynccontextmanager
async def seen_by(who: Person) -> AsyncIterator[None]:
    """Statements as the database lets this person make them."""
    with acting.acting(acting.Acting(who.id, who.actor.role.value)):
        async with db.transaction():
            yield


async def test_the_rows_are_the_doctors(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = UUID(await begun(client, cast))
    await write(client, cast.doctor, str(visit), 0, private_notes="a", patient_summary="b")
    for who in (cast.doctor, cast.patient, cast.admin, cast.other_doctor, cast.other_patient):
        async with seen_by(who):
            counts = [await db.fetch_value(sql, visit) for sql in (NOTE, VERSIONS, DOOR)]
        assert counts == ([1, 1, 1] if who is cast.doctor else [0, 0, 0])
    await post(client, cast.doctor, f"/appointments/{visit}/complete")
    for who, told in ((cast.patient, 1), (cast.admin, 0), (cast.other_patient, 0)):
        async with seen_by(who):
            assert [await db.fetch_value(sql, visit) for sql in (NOTE, VERSIONS, DOOR)] == [0, 0, told]


async def test_a_version_stays_as_it_was_written(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = UUID(await begun(client, cast))
    await write(client, cast.doctor, str(visit), 0, private_notes="as it was")
    async with seen_by(cast.doctor):
        for sql in (
            "UPDATE visit_note_version SET private_notes = 'never' WHERE appointment_id = $1",
            "DELETE FROM visit_note_version WHERE appointment_id = $1",
        ):
            assert await db.execute(sql, visit) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute("UPDATE visit_note_version SET private_notes = '' WHERE appointment_id = $1", visit)
    kept = await db.fetch_value("SELECT private_notes FROM visit_note_version WHERE appointment_id = $1", visit)
    assert kept == "as it was"


async def test_what_an_older_process_writes_goes_to_the_notes_too(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = UUID(await begun(client, cast))
    async with seen_by(cast.doctor):
        await db.execute("UPDATE appointment SET doctor_notes = 'rest' WHERE id = $1", visit)
    row = await db.fetch_row(
        "SELECT a.doctor_notes, n.patient_summary, n.changed_by FROM appointment a JOIN visit_note n ON n.appointment_id = a.id"
        " WHERE a.id = $1",
        visit,
    )
    assert tuple(row) == ("", "rest", cast.doctor.id)
