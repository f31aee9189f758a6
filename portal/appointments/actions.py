"""The life of an appointment after its booking: one guarded statement a verb."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.appointments import events, mails, policy, queries
from portal.appointments.schemas import Appointment, AppointmentStatus, Completion
from portal.appointments.transitions import MOVE, MOVES
from portal.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from portal.ids import uuid7
from portal.web.i18n import N_, _
from portal.web.render import format_date, format_time
from portal.web.requests import request_id

# What the statement says of times that cannot be: at which field, in which words.
IMPOSSIBLE = {
    "begun_later": ("actual_start_time", N_("This time has not come yet.")),
    "ended_later": ("actual_end_time", N_("This time has not come yet.")),
    "ended_first": ("actual_end_time", N_("The end comes after the start.")),
    "begun_long_ago": ("actual_start_time", N_("A visit lasts at most 24 hours.")),
    "too_long": ("actual_end_time", N_("A visit lasts at most 24 hours.")),
}
db.conflict_for("appointment_possible_times", "impossible_times", N_("A visit lasts at most 24 hours."))


@db.retried
async def move(
    actor: Actor, appointment_id: UUID, action: str, *, reason: str | None = None, completion: Completion | None = None
) -> Appointment:
    """Make one transition of the table in `transitions.py`.

    Raises `Forbidden` for a role that never may, `NotFound`, `Conflict` (`wrong_status`) when the state is another, and
    `Invalid` for times at which the visit cannot have been.
    """
    if not policy.may_move(actor, action):
        raise Forbidden
    async with db.transaction():
        return queries.appointment_of(await move_in_tx(actor, appointment_id, action, reason, completion), actor)


async def cancel(actor: Actor, appointment_id: UUID, reason: str) -> Appointment:
    """Cancel a visit: its time is free again at once, its video session is cancelled, the other side is told."""
    return await move(actor, appointment_id, "cancel", reason=reason)


async def move_in_tx(
    actor: Actor,
    appointment_id: UUID,
    action: str,
    reason: str | None = None,
    completion: Completion | None = None,
    more: dict[str, Any] | None = None,
) -> Any:
    """The same inside an open transaction; `more` is added to the integration event. The row that was changed."""
    sources = MOVES[action].sources[actor.role]
    row = await _moved_in_tx(actor, appointment_id, action, sources, reason, completion, more)
    if row is None:
        raise NotFound
    if not row["done"]:
        raise refused(action, row)
    return row


async def follow_room_in_tx(
    actor: Actor | None,
    appointment_id: UUID,
    action: str,
    reason: str | None = None,
    completion: Completion | None = None,
) -> Any | None:
    """What follows for a visit from its video room: the two have met, have parted, or will not meet.

    Whoever came or went last has made the move, whatever the table grants to their role; nobody, where the portal found
    the room empty. None when the visit stands elsewhere by now.
    """
    sources = tuple(dict.fromkeys(source for role in MOVES[action].sources.values() for source in role))
    row = await _moved_in_tx(actor, appointment_id, action, sources, reason, completion)
    return row if row is not None and row["done"] else None


async def _moved_in_tx(
    actor: Actor | None,
    appointment_id: UUID,
    action: str,
    sources: Iterable[AppointmentStatus],
    reason: str | None = None,
    completion: Completion | None = None,
    more: dict[str, Any] | None = None,
) -> Any | None:
    change, done = MOVES[action], completion or Completion()
    who, role, clinics = (actor.id, actor.role.value, list(actor.clinic_ids)) if actor else (None, "PORTAL", [])
    row = await db.fetch_row(
        MOVE, appointment_id, who, role, clinics, [one.value for one in sources], change.target.value, reason, action,
        change.event, [uuid7() for _ in range(4)], request_id(), done.actual_start_time, done.actual_end_time,
        done.doctor_notes, more or {},
    )  # fmt: skip
    if row is not None and row["done"]:
        await _tell_in_tx(who, action, row)
    elif row is not None and row["impossible"] and row["was"] in sources:
        field, words = IMPOSSIBLE[row["impossible"]]
        raise Invalid([FieldError(field, _(words))])
    return row


async def _tell_in_tx(who: UUID | None, action: str, row: Any) -> None:
    change = MOVES[action]
    if action == "cancel" and who != row["patient_id"]:
        await mails.mail_cancelled_in_tx(row)
    told = "appointment.cancelled" if change.target == "CANCELLED" else "appointment.changed"
    if row["closed_room"]:
        events.publish_closed_room(row, row["closed_room"])
    events.publish(row, told, change.queue_event)
    if change.target in ("CANCELLED", "NO_SHOW") and row["slot_id"]:
        events.publish_slots(row, "slot.freed", [row["slot_id"]])
    if row["needed"]:
        for kept in await db.fetch(queries.LET_GO, row["id"]):
            events.publish_slots(kept, "slot.released", [kept["slot_id"]])


def refused(action: str, row: Any) -> Conflict:
    """Why a move of the actor's own visit was not made."""
    if action == "check-in" and row["was"] == "BOOKED":
        opens, zone = row["opens_at"], row["own_zone"]
        when = _("%(day)s at %(time)s", day=format_date(opens, zone), time=format_time(opens, zone))
        return Conflict("too_early", _("Check-in opens on %(when)s.", when=when), opens_at=opens)
    text = _("The visit is no longer in a state that allows this.")
    return Conflict("wrong_status", text, current_status=row["was"])
