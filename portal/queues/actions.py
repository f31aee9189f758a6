"""What the doctor and the front desk do with a queue: one guarded statement a verb."""

from uuid import UUID

from portal.accounts.schemas import Actor
from portal.appointments.schemas import Appointment
from portal.queues.schemas import CallNext, Delay, QueueDay, WalkIn


async def call_next(actor: Actor, session_id: UUID, data: CallNext) -> Appointment:
    """Call the first who waits. Of two presses at once both get the same patient: as long as somebody is called and not
    in the room, that one is called again.

    Raises `NotFound`, or `Conflict` (`queue_empty`; `not_today`).
    """
    raise NotImplementedError


async def note_missed_call(actor: Actor, appointment_id: UUID) -> Appointment:
    """The one who was called did not come: two places back; the third time it is a NO_SHOW.

    Raises `NotFound`, or `Conflict` (`not_called`) when the visit is not called at this moment.
    """
    raise NotImplementedError


async def add_walk_in(actor: Actor, session_id: UUID, data: WalkIn) -> Appointment:
    """Take somebody in who has not booked, CHECKED_IN at once: at a free position whose time is not past, or after every
    two booked patients when there is none.

    A new patient gets an account: with an address the owner is invited by mail to choose a password, without one nobody
    can sign in. Raises `NotFound`, or `Conflict` (`email_taken`, `patient_busy`, `not_today`).
    """
    raise NotImplementedError


async def announce_delay(actor: Actor, session_id: UUID, data: Delay) -> QueueDay:
    """Say how many minutes the doctor runs late (0: no longer). Raises `NotFound`, or `Conflict` (`not_today`: past)."""
    raise NotImplementedError
