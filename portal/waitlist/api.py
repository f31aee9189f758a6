"""The waitlist as JSON."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.waitlist import actions, queries
from portal.waitlist.schemas import Acceptance, Entry, EntryList, NewEntry, Offer
from portal.web.guards import roles
from portal.web.query import Limit, Skip

PATIENT = roles(Role.PATIENT)
OFFER = "/api/waitlist/offers/{offer_id:uuid}"
TAGS = ["Waitlist"]


@post("/api/waitlist", access=PATIENT, tags=TAGS)
async def join(actor: NamedDependency[Actor], data: JSONBody[NewEntry]) -> Entry:
    """Wait for a time with a doctor, or with any of a specialty, that becomes free."""
    return await actions.join(actor, data)


@get("/api/waitlist", access=PATIENT, tags=TAGS)
async def list_entries(actor: NamedDependency[Actor], skip: Skip = 0, limit: Limit = 10) -> EntryList:
    """What you wait for, each with the time that is kept for you now."""
    return await queries.list_entries(actor, skip, limit)


@delete("/api/waitlist/{entry_id:uuid}", access=PATIENT, tags=TAGS)
async def leave(actor: NamedDependency[Actor], entry_id: FromPath[UUID]) -> None:
    """Wait no longer; a time that is kept for it is given back."""
    await actions.leave(actor, entry_id)


@get(OFFER, access=PATIENT, tags=TAGS)
async def get_offer(actor: NamedDependency[Actor], offer_id: FromPath[UUID]) -> Offer:
    """One offer."""
    return await queries.get_offer(actor, offer_id)


@post(OFFER + "/accept", access=PATIENT, tags=TAGS)
async def accept(
    actor: NamedDependency[Actor], offer_id: FromPath[UUID], data: JSONBody[Acceptance | None] = None
) -> Appointment:
    """Book the time that is kept for you."""
    return await actions.accept(actor, offer_id, data or Acceptance())


@post(OFFER + "/decline", access=PATIENT, status_code=200, tags=TAGS)
async def decline(actor: NamedDependency[Actor], offer_id: FromPath[UUID]) -> Offer:
    """Let the time go to the next; you go on waiting."""
    return await actions.decline(actor, offer_id)


handlers = [join, list_entries, leave, get_offer, accept, decline]
