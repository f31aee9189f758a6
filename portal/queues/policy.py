"""Who may see to a queue, and the rule by which people are called. Whose session it is, the statements see to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.queues.schemas import Board, QueueLine
from portal.web.i18n import _

STAFF = frozenset({Role.DOCTOR, Role.CLINIC_ADMIN})
USUAL_TRAVEL_MINUTES = 30  # where the patient does not say how long the way is


def may_run(actor: Actor) -> bool:
    """Doctors their own sessions, clinic admins those at their clinics."""
    return actor.role in STAFF


def rules() -> list[str]:
    """How people are called, as every patient is told."""
    return [
        _("You are called in the order of the numbers, among those who have checked in."),
        _(
            "If you check in after your time and somebody behind you was called already, you are called after the next one."
        ),
        _("If you do not come when you are called, you move two places back. After the third time the visit is over."),
        _(
            "Who comes without a booking gets a free place, or one after every two booked patients. An emergency goes first."
        ),
    ]


def outside(visits: Sequence[Appointment], boards: Sequence[Board]) -> list[Appointment]:
    """The visits of a day that stand on none of its boards."""
    shown = {(board.session_id, board.date) for board in boards}
    return [one for one in visits if (one.session_id, one.date) not in shown]


def at_hand(boards: Sequence[Board]) -> UUID | None:
    """The session that the keys act on: where somebody is being seen or waits, else the one of this hour or the next."""
    for board in boards:
        if board.is_today and (board.serving or board.called):
            return board.session_id
    for board in boards:
        if board.is_today and (board.waiting or board.now < board.end_time):
            return board.session_id
    return None


def likely(lines: Sequence[QueueLine], now: datetime) -> UUID | None:
    """The session that somebody who comes now is meant for: the one that goes on, or the next."""
    ahead = [line for line in lines if now < line.end_time]
    begun = [line for line in ahead if line.start_time - timedelta(minutes=30) <= now]
    return next((line.session_id for line in (*begun, *ahead)), None)
