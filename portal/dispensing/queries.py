"""What the counter looks at, always through the actor's own pharmacy; and what was given out, for the parties as well."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.keys import decoded
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.dispensing import policy, readings
from portal.dispensing.schemas import (
    UNDO_SECONDS,
    CounterPrescription,
    Dispense,
    DispenseList,
    OpenList,
    OpenPrescription,
    ReceiverList,
)
from portal.errors import Forbidden, NotFound
from portal.prescriptions import keys
from portal.prescriptions.numbers import read_code


def code_in(text: str) -> str | None:
    """The code that was typed, or that a scanner read from the link of a QR code; None for anything else, as a name.

    What else the link says is not believed here: what is given out is what is stored, and its own signature is checked.
    """
    if "://" not in text:
        return read_code(text)
    parts = urlsplit(text.strip())
    words = [*parts.path.split("/"), *(value for _name, value in parse_qsl(parts.query)), parts.fragment]
    return next((code for word in words if (code := read_code(word) or code_of_token(word))), None)


def code_of_token(text: str) -> str | None:
    """The code in a signed token."""
    try:
        return read_code(msgspec.json.decode(decoded(text.split(".")[1]), type=keys.Payload).code)
    except (IndexError, ValueError, msgspec.MsgspecError):
        return None


async def find_code(actor: Actor, code: str) -> UUID | None:
    """The prescription with this code, if this pharmacy may see it already."""
    found: UUID | None = await db.fetch_value(readings.KNOWN_CODE, actor.pharmacy_id, code)
    return found


async def list_open(actor: Actor, name: str | None = None, skip: int = 0, limit: int = 10) -> OpenList:
    """What waits at the actor's pharmacy: sent to it or opened there, still valid, something left. One read in the audit.

    `name` is part of the patient's name. Raises `Forbidden` for whoever belongs to no pharmacy.
    """
    if not policy.may_dispense(actor):
        raise Forbidden
    rows = await db.fetch(readings.OPEN, actor.pharmacy_id, name, limit, skip)
    total = (
        rows[0]["total"] if rows else await db.fetch_value(readings.COUNT_OPEN, actor.pharmacy_id, name) if skip else 0
    )
    if rows:
        await record_read(
            actor, "prescriptions.listed", subject_type="pharmacy", subject_id=actor.pharmacy_id or actor.id
        )
    found = [OpenPrescription(**{name: row[name] for name in OpenPrescription.__struct_fields__}) for row in rows]
    return OpenList(total=total, skip=skip, limit=limit, prescriptions=found)


async def get_for_counter(actor: Actor, prescription_id: UUID) -> CounterPrescription:
    """A prescription with what the pharmacy has for it; audited. Raises `Forbidden`, `NotFound`."""
    if not policy.may_dispense(actor):
        raise Forbidden
    row = await db.fetch_row(readings.ONE, actor.pharmacy_id, prescription_id)
    if row is None:
        raise NotFound
    await record_read(
        actor,
        "prescription.read",
        subject_type="prescription",
        subject_id=prescription_id,
        patient_id=row["patient_id"],
    )
    shelves: dict[UUID, list[dict[str, Any]]] = {}
    for one in await db.fetch(readings.SHELVES, prescription_id, actor.pharmacy_id):
        shelves.setdefault(one["of_item"], []).append(dict(one))
    items = [
        {**dict(one), "shelves": shelves.get(one["id"], [])} for one in await db.fetch(readings.ITEMS, prescription_id)
    ]
    return msgspec.convert({**dict(row), "items": items}, CounterPrescription)


async def get_dispense(actor: Actor, dispense_id: UUID) -> Dispense:
    """What this pharmacy gave out; audited. Raises `Forbidden`, `NotFound`."""
    if not policy.may_dispense(actor):
        raise Forbidden
    async with db.as_portal():  # what it gave out itself it sees also when the patient has sent the rest elsewhere
        row = await db.fetch_row(readings.OWN, float(UNDO_SECONDS), actor.pharmacy_id, dispense_id, 1, 0)
        if row is None:
            raise NotFound
        patient_id = await db.fetch_value("SELECT patient_id FROM dispense WHERE id = $1", dispense_id)
    await record_read(
        actor, "prescription.read", subject_type="dispense", subject_id=dispense_id, patient_id=patient_id
    )
    return as_dispense(row)


async def list_dispenses(actor: Actor, skip: int = 0, limit: int = 10) -> DispenseList:
    """What this pharmacy gave out, the last first; one read in the audit. Raises `Forbidden`."""
    if not policy.may_dispense(actor):
        raise Forbidden
    async with db.as_portal():  # as above
        rows = await db.fetch(readings.OWN, float(UNDO_SECONDS), actor.pharmacy_id, None, limit, skip)
        total = rows[0]["total"] if rows else await db.fetch_value(readings.COUNT_OWN, actor.pharmacy_id) if skip else 0
    if rows:
        await record_read(actor, "dispenses.listed", subject_type="pharmacy", subject_id=actor.pharmacy_id or actor.id)
    return DispenseList(total=total, skip=skip, limit=limit, dispenses=[as_dispense(row) for row in rows])


async def list_fills(actor: Actor, prescription_id: UUID) -> list[Dispense]:
    """What was given out for a prescription, wherever, the first first: for its patient, its doctor, and the pharmacies
    that may see it. Audited but for the patient's own look. Raises `NotFound`.
    """
    owner = (
        await db.fetch_value(readings.OWNER[actor.role], prescription_id, actor.id)
        if actor.role in readings.OWNER
        else None
    )
    if owner is None:
        raise NotFound
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "prescription.read", subject_type="prescription", subject_id=prescription_id, patient_id=owner
        )
    rows = await db.fetch(readings.FILLS[actor.role], float(UNDO_SECONDS), prescription_id, actor.id)
    return [as_dispense(row) for row in rows]


async def prescription_of(actor: Actor, dispense_id: UUID) -> UUID:
    """For which prescription this pharmacy gave something out. Raises `NotFound`."""
    found: UUID | None = await db.fetch_value(readings.PRESCRIPTION_OF, dispense_id, actor.pharmacy_id)
    if found is None:
        raise NotFound
    return found


async def list_receivers(actor: Actor, batch_id: UUID, skip: int = 0, limit: int = 10) -> ReceiverList:
    """Who was given something out of a batch of this pharmacy, those who have it still first; audited.

    Raises `Forbidden`, `NotFound`.
    """
    if not policy.may_dispense(actor):
        raise Forbidden
    batch = await db.fetch_row(readings.BATCH, batch_id, actor.pharmacy_id)
    if batch is None:
        raise NotFound
    async with db.as_portal():  # whoever received it must be found, wherever they have gone since
        rows = await db.fetch(readings.RECEIVERS, batch_id, actor.pharmacy_id, limit, skip)
        counting = (readings.COUNT_RECEIVERS, batch_id, actor.pharmacy_id)
        total = rows[0]["total"] if rows else await db.fetch_value(*counting)
    await record_read(actor, "batch.receivers_listed", subject_type="batch", subject_id=batch_id)
    return msgspec.convert(
        {**dict(batch), "total": total, "skip": skip, "limit": limit, "receivers": [dict(row) for row in rows]},
        ReceiverList,
    )


def as_dispense(row: Any) -> Dispense:
    """A row of `readings.DISPENSES` as a Struct."""
    return msgspec.convert(dict(row), Dispense)
