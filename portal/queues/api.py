"""Queues as JSON."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.queues import actions, queries
from portal.queues.schemas import Board, CallNext, Delay, Place, QueueDay, QueueList, WalkIn
from portal.web.guards import roles

STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
PATIENT = roles(Role.PATIENT)
PARTIES = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
QUEUE = "/api/sessions/{session_id:uuid}/queue"
VISIT = "/api/appointments/{appointment_id:uuid}"
TAGS = ["Queues"]
Travel = Annotated[int | None, QueryParameter(ge=0, le=600, description="Minutes from home to the clinic")]


@get("/api/queues", access=STAFF, tags=TAGS)
async def list_queues(
    actor: NamedDependency[Actor],
    day: Annotated[date | None, QueryParameter(name="date", description="Today, where none is given")] = None,
) -> QueueList:
    """The caller's sessions that take place on a date, with who is being served and how many wait."""
    return QueueList(queues=await queries.list_queues(actor, day))


@get(QUEUE, access=PARTIES, tags=TAGS)
async def board(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], day: Annotated[date, QueryParameter(name="date")]
) -> Board | Place:
    """Everybody in a session's queue on a date: being served, waiting with the expected start, late, coming, done; for a
    patient only their own place in it."""
    if actor.role is Role.PATIENT:
        return await queries.read_place_in(actor, session_id, day)
    return await queries.read_board(actor, session_id, day)


@post(QUEUE + "/call-next", access=STAFF, status_code=200, tags=TAGS)
async def call_next(actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[CallNext]) -> Appointment:
    """Call the next one; as long as somebody is called and not in the room, that one again."""
    return await actions.call_next(actor, session_id, data)


@post(QUEUE + "/walk-ins", access=STAFF, tags=TAGS)
async def add_walk_in(actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[WalkIn]) -> Appointment:
    """Take somebody in who has not booked: a known patient, or a new one by name."""
    return await actions.add_walk_in(actor, session_id, data)


@post(QUEUE + "/delay", access=STAFF, status_code=200, tags=TAGS)
async def announce_delay(actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[Delay]) -> QueueDay:
    """Say how many minutes the doctor runs late; 0 takes it back."""
    return await actions.announce_delay(actor, session_id, data)


@post(VISIT + "/missed-call", access=STAFF, status_code=200, tags=TAGS)
async def note_missed_call(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Appointment:
    """The one who was called did not come: two places back, and the third time NO_SHOW."""
    return await actions.note_missed_call(actor, appointment_id)


@get(VISIT + "/queue", access=PATIENT, tags=TAGS)
async def place(actor: NamedDependency[Actor], appointment_id: FromPath[UUID], travel_minutes: Travel = None) -> Place:
    """One's own place: how many are ahead, who is being served, when it will probably begin, when to leave home."""
    return await queries.read_place(actor, appointment_id, travel_minutes)


handlers = [list_queues, board, call_next, add_walk_in, announce_delay, note_missed_call, place]
