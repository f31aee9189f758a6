"""What a doctor needs beside the pad: the record, what the patient takes, last time's, templates, stock nearby."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.appointments.queries import parties_of
from portal.audit.actions import record_read
from portal.catalogue.queries import items_of, same_ingredient, search_items
from portal.catalogue.schemas import CatalogItem
from portal.errors import NotFound
from portal.inventory.queries import stock_at
from portal.pads.schemas import NearStock, Pad, Supply, Template, TemplateList
from portal.pharmacies.queries import pharmacies
from portal.prescriptions.policy import Medicine
from portal.prescriptions.queries import one_of
from portal.prescriptions.schemas import Prescription
from portal.prescriptions.statements import TAKEN
from portal.records.queries import RECORD, as_record
from portal.web.places import Point

NEARBY, WITHIN_KM = 8, 50.0
LAST = "SELECT id FROM prescription WHERE doctor_id = $1 AND patient_id = $2 ORDER BY issued_at DESC LIMIT 1"
# Where the patient is, as far as anything says so: the last pharmacy, the preferred clinic, the clinic of the visit.
# $1 patient, $2 clinic
NEAR = """
(SELECT 1 AS n, f.latitude, f.longitude FROM prescription p JOIN pharmacy f ON f.id = p.pharmacy_id
 WHERE p.patient_id = $1 AND f.active AND f.latitude IS NOT NULL ORDER BY p.sent_at DESC LIMIT 1)
UNION ALL
(SELECT 2, c.latitude, c.longitude FROM patient t CROSS JOIN unnest(t.preferred_clinic_ids) WITH ORDINALITY AS w (id, place)
 JOIN clinic c ON c.id = w.id WHERE t.account_id = $1 AND c.active AND c.latitude IS NOT NULL ORDER BY w.place LIMIT 1)
UNION ALL
(SELECT 3, latitude, longitude FROM clinic WHERE id = $2 AND latitude IS NOT NULL)
ORDER BY n LIMIT 1
"""
TEMPLATES = "SELECT id, name, items FROM prescription_template WHERE doctor_id = $1 ORDER BY lower(name), id LIMIT 100"


async def read_pad(actor: Actor, appointment_id: UUID, *, audited: bool = False) -> Pad:
    """All that is beside the form, in a visit of the doctor's own. Raises `NotFound`.

    Audited as one look at the record, unless the same look is `audited` already: a step on the pad that is open.
    """
    visit = await parties_of(actor, appointment_id)
    last = await db.fetch_value(LAST, actor.id, visit.patient_id)
    if not audited:
        await record_read(
            actor, "record.read", subject_type="patient", subject_id=visit.patient_id, patient_id=visit.patient_id
        )
    return Pad(
        visit=visit,
        record=as_record(await db.fetch_row(RECORD, visit.patient_id)),
        taken=[Medicine(**row) for row in await db.fetch(TAKEN, visit.patient_id, None)],
        templates=(await list_templates(actor)).templates,
        last=await one_of(actor, last) if last else None,
    )


async def to_amend(actor: Actor, prescription_id: UUID, patient_id: UUID) -> Prescription:
    """The doctor's own prescription that a new one is to take the place of. Raises `NotFound`."""
    found = await one_of(actor, prescription_id)
    if found.patient_id != patient_id:
        raise NotFound
    return found


async def list_templates(actor: Actor) -> TemplateList:
    """The doctor's own templates, by name."""
    return TemplateList([as_template(row) for row in await db.fetch(TEMPLATES, actor.id)])


def as_template(row: Any) -> Template:
    """A row as a Struct."""
    return msgspec.convert(dict(row), Template, strict=False)


async def find_medicines(actor: Actor, q: str | None) -> list[CatalogItem]:
    """The medicines that a few letters stand for, the best first."""
    return (await search_items(actor, q, limit=8)).items if q and q.strip() else []


async def medicine(item_id: UUID) -> CatalogItem | None:
    """One medicine that is still in use."""
    found = (await items_of([item_id])).get(item_id)
    return found if found is not None and found.is_active else None


async def counted_in(item_ids: Sequence[UUID]) -> dict[str, str]:
    """The unit of each medicine of the catalogue, by its id as the form has it."""
    found = await items_of(item_ids) if item_ids else {}
    return {str(one): item.unit_type.value for one, item in found.items()}


async def place_of(patient_id: UUID, clinic_id: UUID | None) -> Point | None:
    """The best guess of where the patient of a visit of one's own is; None where nothing says so."""
    async with db.as_portal():  # also where the patient sent what others signed; a place is told, not what or whose
        row = await db.fetch_row(NEAR, patient_id, clinic_id)
    return Point(row["latitude"], row["longitude"]) if row else None


async def supplies(item_ids: Sequence[UUID], patient_id: UUID, clinic_id: UUID | None) -> dict[UUID, Supply]:
    """For each medicine: which pharmacies near the patient have it, and substitutes where none does."""
    if not item_ids:
        return {}
    place = await place_of(patient_id, clinic_id)
    near = (await pharmacies(near=place, within_km=WITHIN_KM, limit=NEARBY)).pharmacies
    others = {one: (await same_ingredient(one))[:6] for one in dict.fromkeys(item_ids)}
    everything = [*others, *(other.id for found in others.values() for other in found)]
    rows = await stock_at(everything, [place.id for place in near])
    there = {(row["item_id"], row["location_id"]): row for row in rows}
    return {one: supply(one, near, there, found, is_near=place is not None) for one, found in others.items()}


def supply(
    item_id: UUID,
    near: list[Any],
    there: dict[tuple[UUID, UUID], Any],
    others: list[CatalogItem],
    *,
    is_near: bool,
) -> Supply:
    """What the pharmacies, nearest first, have of one medicine; of its substitutes those that one of them has."""
    found = [(place, there[item_id, place.id]) for place in near if (item_id, place.id) in there]
    stock = [
        NearStock(name=place.name, distance_km=place.distance_km, quantity=row["quantity"],
                  earliest_expiry=row["earliest_expiry"])
        for place, row in found
    ]  # fmt: skip
    in_stock = {one for one, _place in there}
    substitutes = [one for one in others if one.id in in_stock]
    return Supply(stock=stock, asked=len(near), is_near=is_near, substitutes=substitutes)
