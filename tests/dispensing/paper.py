"""Signed prescriptions, made by plain SQL, and the pharmacies that they lie at."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Role
from portal.catalogue.schemas import UnitType
from portal.ids import uuid7
from portal.prescriptions import keys, numbers
from portal.prescriptions.schemas import DoseUnit, Frequency, NewItem
from tests import factories
from tests.factories import Person
from tests.inventory import shelf

BORN = "1980-02-29"
LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)  # clear of queues that begin at midnight
_visits = count()
KEY = "INSERT INTO prescription_key (id, public_key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
PRESCRIPTION = """
INSERT INTO prescription (id, code, doctor_id, patient_id, appointment_id, issued_at, valid_until, time_zone, language,
    patient_name, date_of_birth, doctor_name, content, content_hash, signature, key_id)
SELECT $1, $2, $3, $4, $5, $6, $7, 'UTC', $8, $13, p.date_of_birth, 'Dr Dora', $9, $10, $11, $12
FROM patient p WHERE p.account_id = $4
"""
ITEM = """
INSERT INTO prescription_item (id, prescription_id, position, catalog_item_id, drug_name, active_ingredient, strength, form,
    dose, dose_unit, frequency, duration_days, quantity, unit, instructions, refills_allowed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
ACCESS = "INSERT INTO prescription_access (prescription_id, pharmacy_id, how, patient_id) VALUES ($1, $2, $3, $4)"
SENT = "UPDATE prescription SET pharmacy_id = $2, sent_at = clock_timestamp() WHERE id = $1"


@dataclass
class Paper:
    """A prescription with the ids of its items, and its two people."""

    id: UUID
    code: str
    patient: Person
    doctor: Person
    appointment_id: UUID
    items: list[UUID] = field(default_factory=list)

    @property
    def opening(self) -> dict[str, str]:
        return {"code": self.code, "date_of_birth": BORN}

    def wants(self, quantity: float = 10, item: int = 0, **more: Any) -> dict[str, Any]:
        """The body that gives out so much of one item."""
        line = {"prescription_item_id": str(self.items[item]), "quantity": quantity, **more}
        return {"items": [line], "identity_checked": True}


async def drug(item_id: UUID | None, quantity: int = 10, **more: Any) -> NewItem:
    """An item as it is prescribed: that of the catalogue, or free text."""
    row = await db.fetch_row("SELECT * FROM catalog_item WHERE id = $1", item_id)
    known = {name: row[name] for name in ("active_ingredient", "strength", "form")} if row else {}
    return NewItem(
        catalog_item_id=item_id, drug_name=more.pop("drug_name", row["name"] if row else "By hand"), dose=Decimal(1),
        dose_unit=DoseUnit("TABLETS"), frequency=Frequency.ONCE_DAILY, duration_days=quantity, quantity=Decimal(quantity),
        **{"strength": "400 mg", "form": "tablet", "unit": UnitType.TABLETS, **known, **more},
    )  # fmt: skip


async def visit(patient: Person, doctor: Person) -> UUID:
    """The visit in which it was written."""
    appointment_id = uuid7()
    slot_id = await factories.slot(doctor.id, LONG_AGO - timedelta(minutes=15 * next(_visits)))
    await db.execute(
        "INSERT INTO appointment (id, slot_id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, appointment_type,"
        " status, booked_by) SELECT $1, id, $3, doctor_id, date, starts_at, ends_at, time_zone, 'VIRTUAL', 'COMPLETED', $3"
        " FROM slot WHERE id = $2",
        appointment_id, slot_id, patient.id,
    )  # fmt: skip
    return appointment_id


async def write(*items: NewItem, patient: Person | None = None, doctor: Person | None = None, **more: Any) -> Paper:
    """A signed prescription of these items."""
    patient = patient or await factories.patient(first_name="Paula")
    doctor = doctor or await factories.doctor(first_name="Dora")
    made = Paper(uuid7(), numbers.new_code(), patient, doctor, await visit(patient, doctor), [uuid7() for _ in items])
    name = more.get("name", patient.actor.name)
    issued = datetime.now(UTC) - timedelta(days=more.get("days_ago", 0), seconds=1)
    until = issued + timedelta(days=30)
    content = {
        "id": str(made.id), "code": made.code, "doctor_id": str(doctor.id), "doctor_name": "Dr Dora",
        "doctor_licence": "", "clinic_name": "", "clinic_address": "", "clinic_phone": "",
        "patient_id": str(patient.id), "patient_name": name, "date_of_birth": BORN,
        "appointment_id": str(made.appointment_id), "clinic_id": None, "notes": "", "replaces_id": None,
        "issued_at": issued.isoformat(), "valid_until": until.isoformat(),
        "items": [keys.canonical_item(one, item) for one, item in zip(made.items, items, strict=True)],
    }  # fmt: skip
    signed = keys.sign(content, made.code, issued, until)
    async with db.transaction():
        await db.execute(KEY, signed.key_id, keys.public_key())
        await db.execute(
            PRESCRIPTION, made.id, made.code, doctor.id, patient.id, made.appointment_id, issued, until,
            more.get("language", "en"), signed.content, signed.content_hash, more.get("signature", signed.signature),
            signed.key_id, name,
        )  # fmt: skip
        for position, (item_id, item) in enumerate(zip(made.items, items, strict=True), 1):
            await db.execute(
                ITEM, item_id, made.id, position, item.catalog_item_id, item.drug_name, item.active_ingredient or "",
                item.strength, item.form, item.dose, item.dose_unit, item.frequency, item.duration_days, item.quantity,
                item.unit, item.instructions or "", item.refills_allowed,
            )  # fmt: skip
    return made


async def send_to(paper: Paper, pharmacy_id: UUID, how: str = "SENT") -> None:
    """Let a pharmacy see it, as the patient's sending or an opening does."""
    await db.execute(ACCESS, paper.id, pharmacy_id, how, paper.patient.id)
    if how == "SENT":
        await db.execute(SENT, paper.id, pharmacy_id)


async def waiting(quantity: int = 10, stock: int = 100, **more: Any) -> tuple[shelf.Shelf, Paper]:
    """A pharmacy with an item on its shelf, and a prescription of it that was sent there."""
    place = await shelf.shelf(stock)
    paper = await write(await drug(place.item_id, quantity, **more))
    await send_to(paper, place.pharmacy_id)
    return place, paper


async def pharmacist(pharmacy_id: UUID | None = None, **more: Any) -> Person:
    """One more of a pharmacy, or of a new one."""
    return await factories.person(Role.PHARMACY, pharmacy_id=pharmacy_id or await shelf.pharmacy(), **more)
