"""What was prescribed on one side: sent to its pharmacy, not sent anywhere, cancelled; templates, requests for more."""

from itertools import count
from typing import Any
from uuid import UUID

from portal import db
from portal.ids import uuid7
from portal.prescriptions import actions
from portal.prescriptions.schemas import Acknowledged, NewPrescription
from portal.web.decode import convert
from tests.access.canaries import canary
from tests.factories import Person

SENT = "UPDATE prescription SET pharmacy_id = $2, sent_at = clock_timestamp() WHERE id = $1"
GRANTED = """
INSERT INTO prescription_access (prescription_id, pharmacy_id, how, patient_id) VALUES ($1, $2, 'SENT', $3)
"""
HISTORY = "INSERT INTO prescription_history (prescription_id, to_status, reason) VALUES ($1, 'ACTIVE', $2)"
REFILL = "INSERT INTO refill_request (id, prescription_id, patient_id, doctor_id, note) VALUES ($1, $2, $3, $4, $5)"
DECLINED = """
INSERT INTO refill_request (id, prescription_id, patient_id, doctor_id, note, status, answer, answered_at)
VALUES ($1, $2, $3, $4, $5, 'DECLINED', $5, clock_timestamp())
"""
NUMBERS = count(1)
TEMPLATE = "INSERT INTO prescription_template (id, doctor_id, name, items) VALUES ($1, $2, $3, $4)"


def item(text: str) -> dict[str, Any]:
    return {
        "drug_name": text, "strength": "5 mg", "form": "tablets", "dose": 1, "dose_unit": "TABLETS",
        "frequency": "ONCE_DAILY", "duration_days": 10, "quantity": 10, "unit": "TABLETS", "instructions": text,
    }  # fmt: skip


async def of_side(side: str, cast: dict[str, Person], pharmacy_id: UUID, visit_id: UUID) -> dict[str, Any]:
    """Two that are open, each sent to the pharmacy of the side, and a request for more of the second."""
    patient, doctor = cast["patient"], cast["doctor"]
    found = {name: await prescription(side, doctor, patient, pharmacy_id, visit_id) for name in ("rx", "asked_rx")}
    refill, template = uuid7(), uuid7()
    await db.execute(REFILL, refill, found["asked_rx"], patient.id, doctor.id, canary(side, "notes"))
    await db.execute(DECLINED, uuid7(), found["rx"], patient.id, doctor.id, canary(side, "notes"))
    own = canary(side, "own")
    await db.execute(TEMPLATE, template, doctor.id, own, [item(own)])
    code = await db.fetch_value("SELECT code FROM prescription WHERE id = $1", found["rx"])
    return {**found, "refill": refill, "template": template, "rx_code": code}


async def prescription(side: str, doctor: Person, patient: Person, pharmacy_id: UUID, visit_id: UUID) -> UUID:
    """One of the visit, with other names than the accounts have: those who hold it may read them."""
    text = canary(side, "rx")
    drug = f"{text} no{next(NUMBERS)}"  # another medicine each time: nothing is warned of when more of it is asked for
    wanted = {"appointment_id": str(visit_id), "items": [item(text) | {"drug_name": drug}], "notes": text}
    new: NewPrescription = convert(wanted, NewPrescription)
    told = Acknowledged(key="x", kind="ALLERGY", item=1, detail="-", reason=canary(side, "notes"))
    async with db.transaction():
        visit = {**await actions.visit_in_tx(doctor.actor, visit_id), "patient_name": text}
        made = await actions.store_in_tx(visit, new, new.items, [told])
    await db.execute(SENT, made, pharmacy_id)
    await db.execute(GRANTED, made, pharmacy_id, patient.id)
    await db.execute(HISTORY, made, text)
    return made
