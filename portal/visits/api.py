"""The notes of a visit as JSON: for its doctor alone."""

from uuid import UUID

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.visits import actions, queries
from portal.visits.schemas import Notes, NotesChange, NotesHistory, PastVisits
from portal.web.guards import roles
from portal.web.query import Limit, Skip

DOCTORS = roles(Role.DOCTOR)
ONE = "/api/appointments/{appointment_id:uuid}/notes"
TAGS = ["Visit"]


@get(ONE, access=DOCTORS, tags=TAGS)
async def get_notes(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Notes:
    """The notes of a visit, with the version that a change must name."""
    return await queries.read_notes(actor, appointment_id)


@put(ONE, access=DOCTORS, tags=TAGS)
async def put_notes(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[NotesChange]
) -> Notes:
    """Write the notes, never over a version that was not read: then 409 `changed_meanwhile` with the `current` ones."""
    return await actions.save_notes(actor, appointment_id, data)


@get(ONE + "/history", access=DOCTORS, tags=TAGS)
async def get_history(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> NotesHistory:
    """Every version of the notes, the latest first."""
    return await queries.read_history(actor, appointment_id, skip, limit)


@get(ONE + "/past", access=DOCTORS, tags=TAGS)
async def get_past(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> PastVisits:
    """The notes of this patient's earlier visits with the same doctor."""
    return await queries.read_past(actor, appointment_id)


handlers = [get_notes, put_notes, get_history, get_past]
