"""A call for help: asked, accepted by the first who can, ended."""

from uuid import UUID

from portal import db, live
from portal.accounts.schemas import Actor
from portal.appointments import events as visits
from portal.audit.actions import record_in_tx
from portal.emergencies import events, jobs, policy, queries, statements
from portal.emergencies.schemas import Call, Emergency, EmergencyStatus
from portal.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from portal.ids import uuid7
from portal.queues.actions import put_first_in_tx
from portal.slots.events import tell_closed
from portal.web.i18n import _
from portal.web.requests import request_id

SPECIALTY = "SELECT id FROM specialty WHERE id = $1 AND active"
OPEN = """
WITH made AS (
    INSERT INTO emergency (id, patient_id, description, specialty_id, latitude, longitude)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id, status
), told AS (
    INSERT INTO emergency_history (emergency_id, actor_id, to_status) SELECT id, $2, status FROM made
)
SELECT id FROM made
"""
# What became of a call that this doctor was alerted to.
BECAME = """
SELECT e.status FROM emergency e JOIN emergency_alert l ON l.emergency_id = e.id AND l.doctor_id = $2 WHERE e.id = $1
"""


@db.retried
async def call(actor: Actor, wanted: Call) -> Emergency:
    """Alert every available doctor of the specialty, nearest first; when there is none, all others at once.

    Raises `Forbidden`, `Invalid`, and `Conflict` (`already_open`) when the patient's last call is still open.
    """
    if not policy.may_call(actor):
        raise Forbidden
    emergency_id = uuid7()
    async with db.transaction():
        if wanted.specialty_id and await db.fetch_value(SPECIALTY, wanted.specialty_id) is None:
            raise Invalid([FieldError("specialty_id", _("Choose a specialty from the list."))])
        await record_in_tx(
            actor, "emergency.opened", subject_type="emergency", subject_id=emergency_id, patient_id=actor.id
        )
        made = await db.fetch_value(
            OPEN,
            emergency_id,
            actor.id,
            wanted.description or "",
            wanted.specialty_id,
            wanted.latitude,
            wanted.longitude,
        )
        if made is None:
            raise Conflict("already_open", _("You have called for help already. Doctors are being alerted."))
        async with db.as_portal():  # who is alerted is not the patient's to see
            if not await jobs.alert_in_tx(emergency_id):
                await jobs.escalate_in_tx(emergency_id)
        events.publish("emergency.opened", emergency_id, actor.id)
    return await queries.get_emergency(actor, emergency_id)


@db.retried
async def accept(actor: Actor, emergency_id: UUID) -> Emergency:
    """Take a call: the first who does gets it, a virtual visit begins now, and the doctor is BUSY.

    Raises `Forbidden`, `NotFound` for a call that this doctor was not alerted to, and `Conflict`: `already_accepted`,
    `wrong_status` when it has ended, `not_available` when this doctor is not available any more.
    """
    if not policy.may_help(actor):
        raise Forbidden
    async with db.transaction():
        row = await db.fetch_row(statements.ACCEPT, emergency_id, actor.id, [uuid7() for _ in range(6)], request_id())
        if row is None or not row["won"]:
            raise await _why_not_in_tx(actor, emergency_id)
        if not row["free"]:
            raise Conflict("not_available", _("You are not available. Say that you are, then accept."))
        if row["id"] is None:  # another visit of the patient began in this very moment
            raise db.Retry
        events.publish("emergency.accepted", emergency_id, row["patient_id"], actor.id)
        await put_first_in_tx(actor, row["id"])
        visits.publish(row, "appointment.booked")
        tell_closed(row["doctor_id"], row["closed"], row["closed_dates"])
        live.recheck_user(actor.id)  # who is busy hears of no other call
    return await queries.get_emergency(actor, emergency_id)


async def _why_not_in_tx(actor: Actor, emergency_id: UUID) -> Exception:
    async with db.as_portal():  # what became of it is told to those who were alerted, and nothing else
        status = await db.fetch_value(BECAME, emergency_id, actor.id)
    if status is None:
        return NotFound()
    if status in (EmergencyStatus.ACCEPTED, EmergencyStatus.RESOLVED):
        return Conflict("already_accepted", _("Another doctor was first. Thank you."), current_status=status)
    return Conflict("wrong_status", _("This call for help has ended."), current_status=status)


async def resolve(actor: Actor, emergency_id: UUID) -> Emergency:
    """Say that help was given. Raises `Forbidden`, `NotFound`, `Conflict` (`wrong_status`)."""
    if not policy.may_help(actor):
        raise Forbidden
    return await _end(actor, emergency_id, EmergencyStatus.RESOLVED)


async def cancel(actor: Actor, emergency_id: UUID) -> Emergency:
    """Take one's own call back while nobody has accepted it. Raises `Forbidden`, `NotFound`, `Conflict`."""
    if not policy.may_call(actor):
        raise Forbidden
    return await _end(actor, emergency_id, EmergencyStatus.CANCELLED)


@db.retried
async def _end(actor: Actor, emergency_id: UUID, status: EmergencyStatus) -> Emergency:
    async with db.transaction():
        row = await db.fetch_row(statements.END, emergency_id, actor.id, status.value, actor.role.value, request_id())
        if row is None:
            raise NotFound
        if not row["done"]:
            text = _("This call for help is no longer in a state that allows this.")
            raise Conflict("wrong_status", text, current_status=row["status"])
        events.publish("emergency.ended", emergency_id, row["patient_id"], row["doctor_id"])
    return await queries.get_emergency(actor, emergency_id)
