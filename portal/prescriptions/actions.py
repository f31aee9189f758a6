"""The life of a prescription: issued once, as it is signed; cancelled, sent, and at the end of its time expired."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.appointments.schemas import AppointmentStatus
from portal.audit.actions import record_in_tx
from portal.catalogue.queries import items_of
from portal.catalogue.schemas import unit_words
from portal.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Unavailable
from portal.ids import uuid7
from portal.prescriptions import events, keys, policy, queries, statements
from portal.prescriptions.numbers import new_code
from portal.prescriptions.schemas import (
    Acknowledged,
    Acknowledgement,
    NewItem,
    NewPrescription,
    Prescription,
    PrescriptionStatus,
    Warned,
)
from portal.web.i18n import _
from portal.web.requests import request_id

SEEN = (AppointmentStatus.IN_PROGRESS, AppointmentStatus.COMPLETED)


@db.retried
async def issue(actor: Actor, new: NewPrescription) -> Prescription:
    """Sign a prescription in one's own visit, for good; with `replaces_id` the one that it amends is cancelled.

    Raises `Forbidden`, `NotFound`, `Invalid`, and `Conflict`: `wrong_status` before the visit has begun,
    `needs_acknowledgement` with the `warnings` that are open, and whatever speaks against cancelling the old one.
    """
    if not policy.may_issue(actor):
        raise Forbidden
    async with db.transaction():
        issued = await issue_in_tx(actor, new)
    return await queries.one_of(actor, issued)


async def issue_in_tx(actor: Actor, new: NewPrescription, renews: UUID | None = None) -> UUID:
    """The same inside a transaction: the new prescription's id. What it `renews` is not warned of."""
    visit = await visit_in_tx(actor, new.appointment_id)
    if visit["status"] not in SEEN:
        text = _("This can be done once the visit has begun.")
        raise Conflict("wrong_status", text, current_status=visit["status"])
    if new.replaces_id:
        await _replace_in_tx(actor, visit, new.replaces_id)
    items, limits = await completed_in_tx(new.items)
    found = await warned_in_tx(visit, items, limits, new.replaces_id or renews)
    accepted = acknowledged(found, new.acknowledged_warnings)
    prescription_id = await store_in_tx(visit, new, items, accepted)
    await _follow_in_tx(actor, prescription_id, None, PrescriptionStatus.ACTIVE, "", "prescription.issued")
    told = {"id": prescription_id, "pharmacy_id": None, "appointment_id": new.appointment_id}
    events.publish({**told, "patient_id": visit["patient_id"], "doctor_id": actor.id}, "prescription.issued")
    return prescription_id


@db.retried
async def check(actor: Actor, new: NewPrescription) -> list[Warned]:
    """What a prescription would be warned of, without issuing it. Raises as `issue`, but never for a warning."""
    if not policy.may_issue(actor):
        raise Forbidden
    async with db.transaction():
        visit = await visit_in_tx(actor, new.appointment_id)
        items, limits = await completed_in_tx(new.items)
        await record_in_tx(
            actor, "prescription.checked", subject_type="appointment", subject_id=visit["id"],
            patient_id=visit["patient_id"],
        )  # fmt: skip
        return await warned_in_tx(visit, items, limits, new.replaces_id)


async def visit_in_tx(actor: Actor, appointment_id: UUID) -> Any:
    """The doctor's own visit, locked, with what goes onto the paper. Raises `NotFound`."""
    row = await db.fetch_row(statements.VISIT, appointment_id, actor.id)
    if row is None:
        raise NotFound
    return row


async def completed_in_tx(wanted: list[NewItem]) -> tuple[list[NewItem], dict[int, policy.Limit]]:
    """The items with what the catalogue says of them, and the most of each a day. Raises `Invalid`."""
    known = await items_of([one.catalog_item_id for one in wanted if one.catalog_item_id])
    items, limits, errors = [], {}, []
    for position, item in enumerate(wanted, 1):
        found = known.get(item.catalog_item_id) if item.catalog_item_id else None
        where = f"items.{position - 1}."
        if item.catalog_item_id and (found is None or not found.is_active):
            errors.append(FieldError(where + "catalog_item_id", _("Choose a medicine from the catalogue.")))
        elif found is not None:
            told = ("active_ingredient", "strength", "form")
            given = {one: getattr(found, one) or getattr(item, one) for one in told}
            given |= {"drug_name": found.name, "unit": found.unit_type}
            for name, value in given.items():
                if getattr(item, name) not in (None, value):  # the unit too: 10 ml are not 10 bottles
                    said = _("The catalogue says: %(value)s.", value=unit_words().get(value or "", value))
                    errors.append(FieldError(where + name, said))
                elif not value and name in ("strength", "form"):
                    errors.append(FieldError(where + name, _("This field is required.")))
            item = msgspec.structs.replace(item, **given)  # the same item, completed
            if found.max_daily is not None:
                limits[position] = policy.Limit(found.max_daily, found.unit_type)
        items.append(item)
    if errors:
        raise Invalid(errors)
    return items, limits


async def warned_in_tx(
    visit: Any, items: list[NewItem], limits: dict[int, policy.Limit], besides: UUID | None = None
) -> list[Warned]:
    """What speaks against these items for this patient; `besides` the prescription that is replaced."""
    taken = [policy.Medicine(**row) for row in await db.fetch(statements.TAKEN, visit["patient_id"], besides)]
    allergies = [one["substance"] for one in visit["allergies"] if one.get("substance")]
    return policy.warnings(items, allergies, taken, limits)


def acknowledged(found: list[Warned], given: list[Acknowledgement]) -> list[Acknowledged]:
    """Each warning with the doctor's reason. Raises `Conflict` with those that have none."""
    reasons = {one.warning: one.reason for one in given}
    unread = [one for one in found if one.key not in reasons]
    if unread:
        text = _("Look at the warnings. Each needs a reason before you can sign.")
        raise Conflict("needs_acknowledgement", text, warnings=unread)
    return [Acknowledged(**msgspec.structs.asdict(one), reason=reasons[one.key]) for one in found]


async def store_in_tx(visit: Any, new: NewPrescription, items: list[NewItem], accepted: list[Acknowledged]) -> UUID:
    """Sign and store: the new prescription's id. Raises `Unavailable` when three codes in a row were all taken."""
    prescription_id, issued_at = uuid7(), visit["now"]
    valid_until = end_of_day(issued_at, new.valid_days, visit["time_zone"])
    signed_items = [keys.canonical_item(uuid7(), item) for item in items]
    async with db.as_portal():  # which keys have signed is nobody's to write but the portal's
        await db.execute(statements.KEY, keys.key_id(keys.public_key()), keys.public_key())
    for _turn in range(3):  # the same code twice is a chance of one in tens of thousands of millions
        code = new_code()
        content = content_of(prescription_id, code, visit, new, signed_items, valid_until)
        signed = keys.sign(content, code, issued_at, valid_until)
        stored = await db.fetch_value(
            statements.INSERT, prescription_id, code, visit["doctor_id"], visit["patient_id"], visit["id"],
            visit["clinic_id"], issued_at, valid_until, visit["time_zone"], visit["language"], visit["patient_name"],
            visit["date_of_birth"], visit["doctor_name"], visit["clinic_name"], new.notes or "",
            msgspec.to_builtins(accepted), new.replaces_id, signed.content, signed.content_hash, signed.signature,
            signed.key_id,
        )  # fmt: skip
        if stored is not None:
            await db.execute(statements.INSERT_ITEMS, prescription_id)
            return prescription_id
    raise Unavailable


def content_of(
    prescription_id: UUID,
    code: str,
    visit: Any,
    new: NewPrescription,
    items: list[dict[str, Any]],
    valid_until: datetime,
) -> dict[str, Any]:
    """All that is signed. docs/prescriptions.md names each part."""
    names = ("doctor_name", "patient_name", "clinic_name", "clinic_address", "clinic_phone", "time_zone", "language")
    ids = ("doctor_id", "patient_id", "clinic_id")
    born, replaced = visit["date_of_birth"], new.replaces_id
    return {
        "version": 1,
        "id": str(prescription_id),
        "code": code,
        "appointment_id": str(visit["id"]),
        "issued_at": zulu(visit["now"]),
        "valid_until": zulu(valid_until),
        "date_of_birth": born.isoformat() if born else None,
        "doctor_licence": visit["licence_number"],
        "notes": new.notes or "",
        "replaces_id": str(replaced) if replaced else None,
        "items": items,
        **{name: visit[name] for name in names},
        **{name: str(visit[name]) if visit[name] else None for name in ids},
    }


def zulu(moment: datetime) -> str:
    """An instant as it is signed."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def end_of_day(issued_at: datetime, days: int, zone: str) -> datetime:
    """The last second of the day on which it ends, where the visit took place."""
    local = issued_at.astimezone(ZoneInfo(zone))
    last = datetime.combine(local.date() + timedelta(days=days), time(23, 59, 59), ZoneInfo(zone))
    return last.astimezone(issued_at.tzinfo)


async def _replace_in_tx(actor: Actor, visit: Any, old_id: UUID) -> None:
    row = await _cancel_in_tx(actor, old_id, _("Replaced by another prescription"))
    if row["patient_id"] != visit["patient_id"]:
        raise NotFound


async def _follow_in_tx(
    actor: Actor, prescription_id: UUID, was: str | None, to: PrescriptionStatus, reason: str, event: str
) -> None:
    ids = [uuid7(), uuid7()]
    await db.execute(
        statements.FOLLOW, prescription_id, actor.id, actor.role.value, was, to.value, reason, event, ids, request_id()
    )


@db.retried
async def cancel(
    actor: Actor, prescription_id: UUID, reason: str, status: PrescriptionStatus = PrescriptionStatus.CANCELLED
) -> Prescription:
    """Take one's own prescription back, or what is left of it; no other `status` is given by hand.

    Raises `Forbidden`, `NotFound`, `Conflict` (`wrong_status`, `already_filled`, `cancelled`, `expired`).
    """
    if not policy.may_issue(actor):
        raise Forbidden
    if status is not PrescriptionStatus.CANCELLED:
        present = await queries.one_of(actor, prescription_id)
        text = _("A prescription is filled at a pharmacy and expires by itself; here it can be cancelled.")
        raise Conflict("wrong_status", text, current_status=present.status)
    async with db.transaction():
        await _cancel_in_tx(actor, prescription_id, reason)
    return await queries.one_of(actor, prescription_id)


async def _cancel_in_tx(actor: Actor, prescription_id: UUID, reason: str) -> Any:
    row = await db.fetch_row(statements.CANCEL, prescription_id, actor.id)
    if row is None:
        raise NotFound
    if not row["done"]:
        raise closed(row["was"] if row["was"] not in ("ACTIVE", "PARTIALLY_FILLED") else "EXPIRED")
    await _follow_in_tx(
        actor, prescription_id, row["was"], PrescriptionStatus.CANCELLED, reason, "prescription.cancelled"
    )
    events.publish({**row, "id": prescription_id}, "prescription.cancelled")
    return row


def closed(status: str) -> Conflict:
    """What is said where a prescription can be filled no more."""
    match status:
        case "FILLED":
            return Conflict("already_filled", _("Everything on this prescription has been dispensed."))
        case "CANCELLED":
            return Conflict("cancelled", _("This prescription has been cancelled."))
        case _:
            return Conflict("expired", _("This prescription is no longer valid."))


@db.retried
async def send(actor: Actor, prescription_id: UUID, pharmacy_id: UUID) -> Prescription:
    """Let a pharmacy see and fill one's prescription; one that it was sent to before sees it no more.

    Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict` (`already_filled`, `cancelled`, `expired`).
    """
    if not policy.may_send(actor):
        raise Forbidden
    async with db.transaction():
        await _send_in_tx(actor, prescription_id, pharmacy_id)
    return await queries.one_of(actor, prescription_id)


async def _send_in_tx(actor: Actor, prescription_id: UUID, pharmacy_id: UUID) -> None:
    row = await db.fetch_row(statements.LOCK_OWN, prescription_id, actor.id)
    if row is None:
        raise NotFound
    if row["status"] not in (PrescriptionStatus.ACTIVE, PrescriptionStatus.PARTIALLY_FILLED):
        raise closed(row["status"])
    if row["pharmacy_id"] == pharmacy_id:
        return
    if await db.fetch_value(statements.SEND, prescription_id, pharmacy_id) is None:
        raise Invalid([FieldError("pharmacy_id", _("Choose a pharmacy from the list."))])
    await db.execute(statements.END_SENT, prescription_id, pharmacy_id)
    await db.execute(statements.GRANT, prescription_id, pharmacy_id, actor.id)
    await record_in_tx(
        actor, "prescription.sent", subject_type="prescription", subject_id=prescription_id, patient_id=actor.id
    )
    if row["pharmacy_id"]:
        events.publish_to_pharmacy(row["pharmacy_id"], "prescription.withdrawn", prescription_id)
    events.publish({**row, "pharmacy_id": pharmacy_id}, "prescription.sent")


@db.retried
async def expire(batch: int = 200) -> int:
    """End the prescriptions whose time is over; how many."""
    async with db.as_portal(), db.transaction():  # everybody's end by the clock
        rows = await db.fetch(statements.EXPIRE, batch)
        for row in rows:
            events.publish(row, "prescription.expired")
    return len(rows)
