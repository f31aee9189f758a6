"""Reading queues, always through the actor: a session that is not theirs is not there."""

from datetime import date
from uuid import UUID

from portal.accounts.schemas import Actor
from portal.queues.schemas import Board, Place, QueueLine


async def read_board(actor: Actor, session_id: UUID, day: date) -> Board:
    """The whole queue of a session on a date, for its doctor and the admins of its clinic; audited as one read.

    Raises `NotFound` for a session that is not the actor's, or does not take place on that date.
    """
    raise NotImplementedError


async def read_place(actor: Actor, appointment_id: UUID, travel_minutes: int | None = None) -> Place:
    """The patient's own place and expected time. Raises `NotFound` for a visit that is not the actor's own."""
    raise NotImplementedError


async def list_queues(actor: Actor, day: date | None = None) -> list[QueueLine]:
    """The sessions that take place on a date (None: today on each session's own clock): a doctor's own, or those of an
    admin's clinics, by start."""
    raise NotImplementedError
