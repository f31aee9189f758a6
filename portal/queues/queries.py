"""Reading queues, always through the actor: a session that is not theirs is not there."""

from datetime import date
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.errors import NotFound
from portal.queues import policy, readings
from portal.queues.boards import board_of, line_of, place_of, queues_of
from portal.queues.estimates import Range
from portal.queues.schemas import Board, Place, QueueLine
from portal.web.requests import request_id


async def read_board(actor: Actor, session_id: UUID, day: date) -> Board:
    """The whole queue of a session on a date, for its doctor and the admins of its clinic; audited as one read.

    Raises `NotFound` for a session that is not the actor's, or does not take place on that date.
    """
    if not policy.may_run(actor):
        raise NotFound
    rows = await db.fetch(readings.BOARD, [session_id], [day], actor.id, actor.role.value, list(actor.clinic_ids))
    queue = next(iter(queues_of(rows)), None)
    if queue is None or not queue.takes_place:
        raise NotFound
    await record_read(actor, "queue.read", subject_type="session", subject_id=session_id)
    await _remember(list(queue.news()), "BOARD")
    return board_of(queue)


async def read_boards(actor: Actor, day: date | None = None) -> list[Board]:
    """All of the actor's queues on a date (None: today on each session's own clock), by start; audited as one read."""
    if not policy.may_run(actor):
        return []
    rows = await db.fetch(
        readings.BOARDS, actor.id, actor.role.value, list(actor.clinic_ids), day, request_id()
    )  # fmt: skip
    found = sorted(filter(lambda one: one.takes_place, queues_of(rows)), key=lambda one: one.day.opens)
    await _remember([one for queue in found for one in queue.news()], "BOARD")
    return [board_of(queue) for queue in found]


async def read_place(actor: Actor, appointment_id: UUID, travel_minutes: int | None = None) -> Place:
    """The patient's own place and expected time. Raises `NotFound` for a visit that is not the actor's own."""
    own = await db.fetch_row(readings.OWN_PLACE, appointment_id, actor.id)
    if own is None or actor.role is not Role.PATIENT:
        raise NotFound
    if own["session_id"] is None:
        return place_of(dict(own), None, None)
    async with db.as_portal():  # a place depends on other people's visits; only numbers and times leave from here
        rows = await db.fetch(readings.NUMBERS, [own["session_id"]], [own["date"]])
    (queue,) = queues_of(rows)
    await _remember(list(queue.news(appointment_id)), "PLACE")
    return place_of(dict(own), queue, travel_minutes)


async def read_place_in(actor: Actor, session_id: UUID, day: date) -> Place:
    """The patient's own place in a session's queue on a date. Raises `NotFound` where they have none."""
    found = await db.fetch_value(readings.OWN_VISIT, session_id, day, actor.id)
    if found is None:
        raise NotFound
    return await read_place(actor, found)


async def list_queues(actor: Actor, day: date | None = None) -> list[QueueLine]:
    """The sessions that take place on a date (None: today on each session's own clock): a doctor's own, or those of an
    admin's clinics, by start."""
    rows = await db.fetch(readings.LINES, actor.id, actor.role.value, list(actor.clinic_ids), day)
    return sorted(map(line_of, rows), key=lambda one: (one.start_time, one.doctor_name))


async def _remember(news: list[tuple[UUID, Range]], how: str) -> None:
    """Keep what is shown from now on, to compare it with what will have happened."""
    if news:
        times = [[getattr(one, part) for _id, one in news] for part in ("expected", "earliest", "latest")]
        async with db.as_portal():  # nobody writes predictions by hand
            await db.execute(readings.REMEMBER, [one for one, _range in news], *times, how)
