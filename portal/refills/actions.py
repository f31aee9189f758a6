"""A request for more: asked once, answered once."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db, live
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, Forbidden, NotFound
from portal.ids import uuid7
from portal.notifications.actions import notify_in_tx
from portal.prescriptions.actions import closed, issue_in_tx
from portal.prescriptions.queries import one_of
from portal.prescriptions.schemas import Item, NewItem, NewPrescription, Prescription, Refill
from portal.refills import policy, queries
from portal.refills.schemas import Approval, NewRefill, Refusal
from portal.web.i18n import _

ASK = """
INSERT INTO refill_request (id, prescription_id, patient_id, doctor_id, note)
SELECT $1, p.id, p.patient_id, p.doctor_id, $4 FROM prescription p
WHERE p.id = $2 AND p.patient_id = $3 AND p.status <> 'CANCELLED'
ON CONFLICT (prescription_id) WHERE status = 'OPEN' DO NOTHING RETURNING doctor_id
"""
LOCK = """
SELECT r.id, r.prescription_id, r.patient_id, r.status FROM refill_request r WHERE r.id = $1 AND r.doctor_id = $2
FOR NO KEY UPDATE
"""
ANSWER = """
UPDATE refill_request SET status = $3, answer = $4, new_prescription_id = $5, answered_at = clock_timestamp()
WHERE id = $1 AND doctor_id = $2 AND status = 'OPEN' RETURNING id
"""


@db.retried
async def ask(actor: Actor, prescription_id: UUID, wanted: NewRefill) -> Refill:
    """Ask the doctor for more of one's prescription.

    Raises `Forbidden`, `NotFound`, `Conflict` (`already_requested`, `cancelled`).
    """
    if not policy.may_ask(actor):
        raise Forbidden
    refill_id = uuid7()
    async with db.transaction():
        doctor_id = await db.fetch_value(ASK, refill_id, prescription_id, actor.id, wanted.note or "")
        if doctor_id is None:
            raise await _why_not_in_tx(actor, prescription_id)
        await record_in_tx(
            actor, "refill.requested", subject_type="refill", subject_id=refill_id, patient_id=actor.id
        )  # fmt: skip
        await notify_in_tx(doctor_id, "refill.requested", f"/refills/{refill_id}")
        for who in (doctor_id, actor.id):
            live.publish(f"user:{who}", "refill.requested", refill_id=refill_id)
    return await queries.get_refill(actor, refill_id)


async def _why_not_in_tx(actor: Actor, prescription_id: UUID) -> Exception:
    found = await one_of(actor, prescription_id)  # raises NotFound
    if found.status == "CANCELLED":
        return closed(found.status)
    return Conflict("already_requested", _("You have asked for this already. Your doctor will answer."))


@db.retried
async def approve(actor: Actor, refill_id: UUID, approval: Approval) -> Prescription:
    """Issue the same items once more, as a new prescription of the same visit.

    Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict` (`already_answered`, `needs_acknowledgement`, …).
    """
    if not policy.may_answer(actor):
        raise Forbidden
    async with db.transaction():
        request = await _open_in_tx(actor, refill_id)
        old = await one_of(actor, request["prescription_id"])
        if old.appointment_id is None:
            raise NotFound
        issued = await issue_in_tx(actor, again(old, old.appointment_id, approval), renews=old.id)
        await _answer_in_tx(actor, request, "APPROVED", approval.answer or "", issued)
    return await one_of(actor, issued)


def again(old: Prescription, appointment_id: UUID, approval: Approval) -> NewPrescription:
    """A new prescription with the items of an old one."""
    items = [
        NewItem(**{name: getattr(one, name) for name in NewItem.__struct_fields__}) for one in map(blanked, old.items)
    ]
    return NewPrescription(
        appointment_id=appointment_id,
        items=items,
        notes=old.notes or None,
        acknowledged_warnings=approval.acknowledged_warnings,
    )


def blanked(item: Item) -> Any:
    """An item as it came in: what was left empty is nothing."""
    empty = {name: None for name in ("active_ingredient", "instructions") if not getattr(item, name)}
    return msgspec.structs.replace(item, **empty)


@db.retried
async def decline(actor: Actor, refill_id: UUID, refusal: Refusal) -> Refill:
    """Say no, and why. Raises `Forbidden`, `NotFound`, `Conflict` (`already_answered`)."""
    if not policy.may_answer(actor):
        raise Forbidden
    async with db.transaction():
        request = await _open_in_tx(actor, refill_id)
        await _answer_in_tx(actor, request, "DECLINED", refusal.answer, None)
    return await queries.get_refill(actor, refill_id)


async def _open_in_tx(actor: Actor, refill_id: UUID) -> Any:
    row = await db.fetch_row(LOCK, refill_id, actor.id)
    if row is None:
        raise NotFound
    if row["status"] != "OPEN":
        raise Conflict("already_answered", _("This request has been answered."), current_status=row["status"])
    return row


async def _answer_in_tx(actor: Actor, request: Any, status: str, answer: str, issued: UUID | None) -> None:
    await db.execute(ANSWER, request["id"], actor.id, status, answer, issued)
    event = f"refill.{status.lower()}"
    await record_in_tx(
        actor, event, subject_type="refill", subject_id=request["id"], patient_id=request["patient_id"]
    )  # fmt: skip
    link = f"/prescriptions/{issued or request['prescription_id']}"
    await notify_in_tx(request["patient_id"], event, link)
    for who in (request["patient_id"], actor.id):
        live.publish(f"user:{who}", event, refill_id=request["id"])
