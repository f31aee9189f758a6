"""Every rule of invariants.py can fail: each is broken on purpose, with what usually prevents it taken away."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from portal import db
from portal.appointments.schemas import AppointmentType
from portal.booking.actions import book
from portal.booking.schemas import NewAppointment
from portal.settings import Settings
from tests import factories
from tests.invariants import RULES, broken, broken_rules

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

COPY = "CREATE TEMP TABLE copy AS SELECT * FROM appointment WHERE id = $1; UPDATE copy SET id = gen_random_uuid()"
INSERT_COPY = """
    INSERT INTO appointment (id, slot_id, patient_id, doctor_id, session_id, date, queue_position, starts_at, ends_at,
    time_zone, appointment_type, status, booked_by) SELECT id, slot_id, patient_id, doctor_id, session_id, date,
    queue_position, starts_at, ends_at, time_zone, appointment_type, status, booked_by FROM copy"""
OTHER = "UPDATE copy SET slot_id = NULL"
SOMEBODY_ELSE = (
    "UPDATE copy SET patient_id = (SELECT account_id FROM patient p WHERE p.account_id <> copy.patient_id LIMIT 1)"
)
NO_GUARDS = (
    "ALTER TABLE appointment DROP CONSTRAINT appointment_patient_no_overlap; DROP INDEX appointment_one_per_slot"
)
UNTAMED = "SET LOCAL session_replication_role = replica"

BREAKS = {
    "one live visit a slot": [COPY, SOMEBODY_ELSE, NO_GUARDS, INSERT_COPY],
    "no doctor is at two visits": [COPY, SOMEBODY_ELSE, OTHER, NO_GUARDS, INSERT_COPY],
    "no patient is at two visits": [COPY, OTHER, NO_GUARDS, INSERT_COPY],
    "slots and visits agree": ["UPDATE slot SET appointment_id = NULL WHERE appointment_id = $1"],
    "a booked slot is nobody's hold": [
        "UPDATE slot SET held_by = doctor_id, held_until = clock_timestamp() WHERE appointment_id = $1"
    ],
    "no hold without an end in sight": ["UPDATE slot SET held_by = doctor_id, held_until = 'infinity'"],
    "the history ends with the state": ["DELETE FROM appointment_history WHERE appointment_id = $1"],
    "the history has no gap": [
        "INSERT INTO appointment_history (appointment_id, from_status, to_status) VALUES ($1, 'NO_SHOW', 'BOOKED')"
    ],
    "each change has its audit row": [UNTAMED, "DELETE FROM audit_event WHERE subject_id = $1::text"],
    "each change has its event": ["DELETE FROM outbox_event WHERE aggregate_id = $1"],
    "no row of the audit without its change": [UNTAMED, "DELETE FROM appointment WHERE id = $1"],
    "a video visit has its session": [UNTAMED, "DELETE FROM video_session WHERE appointment_id = $1"],
    "a number in the queue is one person's": [COPY, SOMEBODY_ELSE, OTHER, NO_GUARDS, INSERT_COPY],
    "a batch holds what its ledger says": [
        UNTAMED,
        "INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, quantity, cost_price, selling_price, currency)"
        " VALUES (new_id(), new_id(), new_id(), 'B', '2030-01-01', 5, 1, 1, 'USD')",
    ],
    "what can be given out is what its batches hold": [
        UNTAMED,
        "INSERT INTO stock_level (item_id, location_id, quantity, threshold) VALUES (new_id(), new_id(), 1, 0)",
    ],
    "no key waits for ever": [
        "INSERT INTO idempotency_key (scope, key, request_hash, claim, claimed_at)"
        " VALUES ($1, 'k', '', $1, clock_timestamp() + interval '1 second')"
    ],
    "the audit's chains are whole": [UNTAMED, "UPDATE audit_event SET reason = 'changed' WHERE subject_id = $1::text"],
}


@pytest.fixture(scope="module")
async def visit(pool: None) -> UUID:
    """A video visit in a session's queue, booked as patients book."""
    doctor, patient, _other = await factories.doctor(), await factories.patient(), await factories.patient()
    day = factories.tomorrow_at(9).date()
    session_id = await factories.session(doctor.id, day=day)
    wanted = NewAppointment(session_id=session_id, date=day, appointment_type=AppointmentType.VIRTUAL)
    return (await book(patient.actor, wanted, 56)).id


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    one = await asyncpg.connect(settings.database_url)
    yield one
    await one.close()


async def test_they_hold(settings: Settings, visit: UUID) -> None:
    assert not await broken(settings.database_url)
    assert await db.fetch_value("SELECT count(*) FROM appointment") == 1


@pytest.mark.parametrize("rule", RULES)
async def test_each_can_fail(connection: asyncpg.Connection, visit: UUID, rule: str) -> None:
    undo = connection.transaction()
    await undo.start()
    for script in BREAKS[rule]:
        for statement in script.split("; "):
            await connection.execute(statement.replace("$1", f"'{visit}'::uuid"))
    found = await broken_rules(connection)
    await undo.rollback()
    assert rule in found
