"""Calls for help as JSON."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.emergencies import actions, queries
from portal.emergencies.schemas import Emergency, EmergencyList, NewEmergency
from portal.web.guards import roles
from portal.web.query import Limit, Skip

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
BOTH = roles(Role.PATIENT, Role.DOCTOR)
ONE = "/api/emergencies/{emergency_id:uuid}"
TAGS = ["Emergencies"]


@post("/api/emergencies", access=PATIENT, tags=TAGS)
async def call_for_help(actor: NamedDependency[Actor], data: JSONBody[NewEmergency]) -> Emergency:
    """Alert every available doctor, nearest first. The national emergency number comes before this."""
    return await actions.call(actor, data)


@get("/api/emergencies", access=BOTH, tags=TAGS)
async def list_emergencies(actor: NamedDependency[Actor], skip: Skip = 0, limit: Limit = 10) -> EmergencyList:
    """A patient's own calls; a doctor's: open ones they were alerted to, and those they accepted."""
    return await queries.list_emergencies(actor, skip, limit)


@get(ONE, access=BOTH, tags=TAGS)
async def get_emergency(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Emergency:
    """One call for help."""
    return await queries.get_emergency(actor, emergency_id)


@post(ONE + "/accept", access=DOCTOR, status_code=200, tags=TAGS)
async def accept(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Emergency:
    """Take it: the first gets it and a virtual visit begins now, the others hear `already_accepted`."""
    return await actions.accept(actor, emergency_id)


@post(ONE + "/resolve", access=DOCTOR, status_code=200, tags=TAGS)
async def resolve(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Emergency:
    """Say that help was given."""
    return await actions.resolve(actor, emergency_id)


@post(ONE + "/cancel", access=PATIENT, status_code=200, tags=TAGS)
async def cancel(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Emergency:
    """Take your own call back while nobody has accepted it."""
    return await actions.cancel(actor, emergency_id)


handlers = [call_for_help, list_emergencies, get_emergency, accept, resolve, cancel]
