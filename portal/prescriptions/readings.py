"""What stands beside a prescription: where it can be filled, and who asked for more of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.inventory.queries import stock_at
from portal.prescriptions.schemas import Prescription, Refill, RefillList
from portal.web.places import Point

# The pharmacy of last time. $1 patient
_LAST = """
SELECT p.pharmacy_id FROM prescription p JOIN pharmacy f ON f.id = p.pharmacy_id AND f.active
WHERE p.patient_id = $1 ORDER BY p.sent_at DESC LIMIT 1
"""
_PLACE = "SELECT latitude, longitude FROM clinic WHERE id = $1 AND latitude IS NOT NULL"

_REFILL = """
SELECT r.id, r.prescription_id, r.patient_id, p.patient_name, r.doctor_id, p.doctor_name, r.status, r.note, r.answer,
    r.new_prescription_id, r.requested_at, r.answered_at,
    (SELECT string_agg(i.drug_name || ' ' || i.strength, ', ' ORDER BY i.position) FROM prescription_item i
     WHERE i.prescription_id = p.id) AS medicines
FROM refill_request r JOIN prescription p ON p.id = r.prescription_id
"""
_OF = _REFILL + " WHERE r.prescription_id = $1 ORDER BY r.requested_at DESC LIMIT 20"
_OWN = " WHERE (r.patient_id = $1 OR r.doctor_id = $1) AND (NOT $2 OR r.status = 'OPEN')"
_LIST = (
    "SELECT x.*, count(*) OVER () AS total FROM (" + _REFILL + _OWN + ") x"
    " ORDER BY x.status = 'OPEN' DESC, x.requested_at DESC LIMIT $3 OFFSET $4"
)
_COUNT = "SELECT count(*) FROM refill_request r" + _OWN
_ONE = _REFILL + " WHERE (r.patient_id = $1 OR r.doctor_id = $1) AND r.id = $2"


async def last_pharmacy(actor: Actor) -> UUID | None:
    """Where the patient sent the latest prescription."""
    found: UUID | None = await db.fetch_value(_LAST, actor.id)
    return found


async def place_of(clinic_id: UUID | None) -> Point | None:
    """Where a clinic is: the best guess of where its patients live."""
    row = await db.fetch_row(_PLACE, clinic_id, public=True) if clinic_id else None
    return Point(row["latitude"], row["longitude"]) if row else None


async def stock_for(prescription: Prescription, pharmacy_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Which of these pharmacies have all of what is left (`ALL`), or a part of it (`SOME`)."""
    wanted = {one.catalog_item_id: one.remaining for one in prescription.items if one.remaining and one.catalog_item_id}
    open_items = sum(1 for one in prescription.items if one.remaining)
    have: dict[UUID, int] = {}
    for row in await stock_at(list(wanted), pharmacy_ids):
        if row["quantity"] >= wanted[row["item_id"]]:
            have[row["location_id"]] = have.get(row["location_id"], 0) + 1
    return {place: "ALL" if number == open_items else "SOME" for place, number in have.items()}


async def requests_of(prescription_id: UUID) -> list[Refill]:
    """Who asked for more of a prescription that the actor has just opened, latest first."""
    return [_refill(row) for row in await db.fetch(_OF, prescription_id)]


async def list_refills(actor: Actor, *, only_open: bool = False, skip: int = 0, limit: int = 10) -> RefillList:
    """The requests that the actor made or is to answer, open ones first."""
    rows = await db.fetch(_LIST, actor.id, only_open, limit, skip)
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT, actor.id, only_open) if skip else 0
    return RefillList(total=total, skip=skip, limit=limit, refill_requests=[_refill(row) for row in rows])


async def find_refill(actor: Actor, refill_id: UUID) -> Refill | None:
    """One request of the actor's, or to the actor."""
    row = await db.fetch_row(_ONE, actor.id, refill_id)
    return _refill(row) if row else None


def _refill(row: Any) -> Refill:
    return msgspec.convert({name: row[name] for name in Refill.__struct_fields__}, Refill)
