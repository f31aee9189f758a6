"""What the demo's doctor has prescribed: one to be dispensed, one sent to the pharmacy, one amended, a request for more."""

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.demo.counter import medicine_in_tx
from portal.demo.people import Cast
from portal.ids import uuid7
from portal.prescriptions import actions
from portal.prescriptions.schemas import NewPrescription

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


WANTED = (("fever", "allergy"), ("pressure",))


async def make_in_tx(cast: Cast) -> None:
    """Store them, signed like any other."""
    row = await db.fetch_row(ACTOR, cast.demo_doctor.id)
    visit = await db.fetch_value(SEEN, cast.demo_doctor.id, cast.demo_patient)
    if row is None or visit is None:
        return
    doctor = msgspec.convert({**row, "login_id": uuid7(), "clinic_ids": (cast.demo_doctor.clinic.id,)}, Actor)
    first, second = [
        await actions.issue_in_tx(
            doctor,
            NewPrescription(appointment_id=visit, items=[await medicine_in_tx(one) for one in names], valid_days=60),
        )
        for names in WANTED
    ]
    pharmacy = await db.fetch_value(PHARMACY)
    if pharmacy:
        await db.execute(SENT, second, pharmacy)
        await db.execute(GRANT, second, pharmacy, cast.demo_patient)
    await db.execute(
        "INSERT INTO refill_request (id, prescription_id, patient_id, doctor_id, note) VALUES ($1, $2, $3, $4, $5)",
        uuid7(), first, cast.demo_patient, doctor.id, "The cetirizine helps. I have six tablets left.",
    )  # fmt: skip
