"""Prescriptions of the demo: signed in visits that took place, and sent to the pharmacy whose counter visitors may use."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from portal import db
from portal.catalogue.schemas import UnitType
from portal.prescriptions import actions, statements
from portal.prescriptions.schemas import DoseUnit, Frequency, NewItem, NewPrescription

# Name and strength in the catalogue, dose, how often, for how many days, refills, what else is said.
MEDICINES = {
    "fever": ("Paracetamol", "500 mg", 1, "THREE_TIMES_DAILY", 7, 0, "With plenty of water."),
    "pain": ("Ibuprofen", "400 mg", 1, "THREE_TIMES_DAILY", 5, 0, "With food, and plenty of water."),
    "infection": (
        "Amoxicillin",
        "500 mg",
        1,
        "THREE_TIMES_DAILY",
        7,
        0,
        "Finish all of it, even when you feel better.",
    ),
    "pressure": ("Ramipril", "5 mg", 1, "IN_THE_MORNING", 30, 2, ""),
    "lipids": ("Atorvastatin", "20 mg", 1, "AT_BEDTIME", 30, 2, ""),
    "stomach": ("Omeprazole", "20 mg", 1, "IN_THE_MORNING", 14, 0, "Half an hour before breakfast."),
    "allergy": ("Cetirizine", "10 mg", 1, "AS_NEEDED_MAX_1", 20, 0, ""),
    "thyroid": ("Levothyroxine", "50 micrograms", 1, "IN_THE_MORNING", 30, 3, "On an empty stomach."),
    "sugar": ("Metformin", "500 mg", 1, "TWICE_DAILY", 30, 2, ""),
}
PAPERS = (
    ("stomach", "pain"), ("pressure", "lipids"), ("allergy",), ("infection", "pain"), ("thyroid",), ("sugar", "pressure"),
    ("infection",),
)  # fmt: skip
SENT = 5  # so many of them; the others are shown by their code

# The demo patient's own visit first, then one each of others; all of the clinics near the demo pharmacy.
VISITS = """
SELECT DISTINCT ON (c.email = 'patient@example.com', a.patient_id) a.id, a.doctor_id, c.email = 'patient@example.com' AS own
FROM appointment a JOIN account c ON c.id = a.patient_id JOIN patient p ON p.account_id = a.patient_id
JOIN clinic k ON k.id = a.clinic_id JOIN pharmacy f ON f.id = $1 AND f.city = k.city
WHERE a.status IN ('COMPLETED', 'IN_PROGRESS') AND p.date_of_birth IS NOT NULL
ORDER BY c.email = 'patient@example.com' DESC, a.patient_id, a.starts_at DESC LIMIT $2
"""
ITEM = "SELECT * FROM catalog_item WHERE name = $1 AND strength = $2 AND is_active LIMIT 1"
SEND = """
WITH sent AS (
    UPDATE prescription SET pharmacy_id = $2, sent_at = clock_timestamp() WHERE id = $1 RETURNING id, patient_id
)
INSERT INTO prescription_access (prescription_id, pharmacy_id, how, patient_id) SELECT id, $2, 'SENT', patient_id FROM sent
"""
ISSUED = "INSERT INTO prescription_history (prescription_id, actor_id, to_status) VALUES ($1, $2, 'ACTIVE')"


async def make_in_tx() -> None:
    """Sign and send them."""
    pharmacy_id = await db.fetch_value(
        "SELECT p.pharmacy_id FROM pharmacist p JOIN account a ON a.id = p.account_id WHERE a.email = 'pharmacy@example.com'"
    )
    visits = await db.fetch(VISITS, pharmacy_id, len(PAPERS))
    for number, (visit, names) in enumerate(zip(visits, PAPERS, strict=False)):
        items = [await medicine_in_tx(name) for name in names]
        prescription_id = await _sign_in_tx(visit, NewPrescription(appointment_id=visit["id"], items=items))
        if number < SENT:
            await db.execute(SEND, prescription_id, pharmacy_id)


async def medicine_in_tx(name: str) -> NewItem:
    """One of `MEDICINES` as the catalogue has it."""
    drug, strength, dose, frequency, days, refills, text = MEDICINES[name]
    row: Any = await db.fetch_row(ITEM, drug, strength)
    a_day = {"THREE_TIMES_DAILY": 3, "TWICE_DAILY": 2}.get(frequency, 1)
    return NewItem(
        catalog_item_id=row["id"],
        **{one: row[one] for one in ("active_ingredient", "strength", "form")},
        drug_name=row["name"],
        dose=Decimal(dose),
        dose_unit=DoseUnit(row["unit_type"]),
        frequency=Frequency(frequency),
        duration_days=days,
        quantity=Decimal(dose * a_day * days),
        unit=UnitType(row["unit_type"]),
        instructions=text or None,
        refills_allowed=refills,
    )


async def _sign_in_tx(of: Any, new: NewPrescription) -> UUID:
    visit: Any = await db.fetch_row(statements.VISIT, of["id"], of["doctor_id"])
    prescription_id = await actions.store_in_tx(visit, new, new.items, [])
    await db.execute(ISSUED, prescription_id, visit["doctor_id"])
    return prescription_id
