"""Who may do what with an appointment. Whose it is, the statements themselves see to."""

from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import LIVE, Appointment, AppointmentStatus
from portal.appointments.transitions import MOVES
from portal.slots.calendar import instant

CHECK_IN_OPENS = timedelta(hours=1)
ROOM_OPENS = timedelta(minutes=15)
NO_SHOW_AFTER = timedelta(minutes=30)  # until then somebody who is late may still come


def may_move(actor: Actor, action: str) -> bool:
    """Whether this role ever makes this move, in whatever state."""
    return actor.role in MOVES[action].sources


def moves_now(actor: Actor, appointment: Appointment, now: datetime | None = None) -> list[str]:
    """What this actor may do with this appointment as it stands: its buttons."""
    return [
        action
        for action, move in MOVES.items()
        if appointment.status in move.sources.get(actor.role, ())
        and not (action == "confirm" and appointment.confirmed_at is not None)
        and not (action == "check-in" and now is not None and now < check_in_opens(actor.role, appointment))
    ]


def check_in_opens(role: Role, appointment: Appointment) -> datetime:
    """Patients check in from an hour before their time, the front desk at any time of that day."""
    opens = appointment.start_time - CHECK_IN_OPENS
    if role is Role.PATIENT:
        return opens
    return min(opens, instant(datetime.combine(appointment.date, time()), ZoneInfo(appointment.time_zone)))


def may_listen(actor: Actor, appointment: Appointment) -> bool:
    """The patient and the doctor: between them alone is what is said in a visit."""
    return actor.id in (appointment.patient_id, appointment.doctor_id)


def next_step(appointment: Appointment, now: datetime) -> str:
    """The one thing that matters to the patient now: "check-in" within the hour, then "wait"; else "confirm" or "look"."""
    if appointment.status is AppointmentStatus.CHECKED_IN and appointment.session_id is not None:
        return "wait"
    if appointment.status is not AppointmentStatus.BOOKED or appointment.end_time + NO_SHOW_AFTER <= now:
        return "look"
    if appointment.start_time - now <= CHECK_IN_OPENS:
        return "check-in"
    return "look" if appointment.confirmed_at else "confirm"


def room_is_open(appointment: Appointment, now: datetime) -> bool:
    """Whether the two of a visit by video find their room open, or nearly: its own door decides."""
    if appointment.video_session_id is None or not appointment.is_live:
        return False
    there = appointment.status is not AppointmentStatus.BOOKED
    soon = appointment.start_time - ROOM_OPENS <= now < appointment.end_time + NO_SHOW_AFTER
    return there or soon


IN_QUEUE = ("check-in", "wait")  # steps of a patient whose place in the queue is worth a look


def next_of_day(visits: list[Appointment]) -> UUID | None:
    """Whose turn it is for the doctor: the one who is there, else the first who waits, else the first to come."""
    for status in LIVE[::-1]:
        for visit in visits:
            if visit.status is status:
                return visit.id
    return None
