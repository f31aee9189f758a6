"""What the demo's doctor has prescribed: one to be dispensed, one sent to the pharmacy, one amended, a request for more."""

from decimal import Decimal
from typing import Any

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.catalogue.schemas import UnitType
from portal.demo.people import Cast
from portal.ids import uuid7
from portal.prescriptions import actions
from portal.prescriptions.schemas import DoseUnit, Frequency, NewItem, NewPrescription

SEEN = """
SELECT id FROM appointment WHERE doctor_id = $1 AND patient_id = $2 AND status IN ('COMPLETED', 'IN_PROGRESS')
ORDER BY starts_at DESC LIMIT 1
"""
ACTOR = (
    "SELECT id, role, status, first_name, last_name, email, locale, time_zone, appearance FROM account WHERE id = $1"
)
PHARMACY = "SELECT id FROM pharmacy WHERE active ORDER BY id LIMIT 1"

SENT = "UPDATE prescription SET pharmacy_id = $2, sent_at = clock_timestamp() WHERE id = $1"
GRANT = """
INSERT INTO prescription_access (prescription_id, pharmacy_id, how, patient_id) VALUES ($1, $2, 'SENT', $3)
"""


def tablets(name: str, strength: str, ingredient: str, **more: Any) -> NewItem:
    given: dict[str, Any] = {"frequency": Frequency.ONCE_DAILY, "duration_days": 30, "quantity": Decimal(30)}
    return NewItem(
        drug_name=name, strength=strength, active_ingredient=ingredient, form="tablets", dose=Decimal(1),
        dose_unit=DoseUnit.TABLETS, unit=UnitType.TABLETS, **{**given, **more},
    )  # fmt: skip


THREE_A_DAY = {"frequency": Frequency.THREE_TIMES_DAILY, "duration_days": 7, "quantity": Decimal(21)}
WANTED = (
    [tablets("Paracetamol", "500 mg", "paracetamol", instructions="With plenty of water.", **THREE_A_DAY),
     tablets("Cetirizine", "10 mg", "cetirizine")],
    [tablets("Ramipril", "5 mg", "ramipril", refills_allowed=2, instructions="In the morning, with or without food.")],
)  # fmt: skip


async def make_in_tx(cast: Cast) -> None:
    """Store them, signed like any other."""
    row = await db.fetch_row(ACTOR, cast.demo_doctor.id)
    visit = await db.fetch_value(SEEN, cast.demo_doctor.id, cast.demo_patient)
    if row is None or visit is None:
        return
    doctor = msgspec.convert({**row, "login_id": uuid7(), "clinic_ids": (cast.demo_doctor.clinic.id,)}, Actor)
    first, second = [
        await actions.issue_in_tx(doctor, NewPrescription(appointment_id=visit, items=items, valid_days=60))
        for items in WANTED
    ]
    pharmacy = await db.fetch_value(PHARMACY)
    if pharmacy:
        await db.execute(SENT, second, pharmacy)
        await db.execute(GRANT, second, pharmacy, cast.demo_patient)
    await db.execute(
        "INSERT INTO refill_request (id, prescription_id, patient_id, doctor_id, note) VALUES ($1, $2, $3, $4, $5)",
        uuid7(), first, cast.demo_patient, doctor.id, "The cetirizine helps. I have six tablets left.",
    )  # fmt: skip
