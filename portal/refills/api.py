"""Requests for more as JSON."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.prescriptions.schemas import Prescription, Refill, RefillList
from portal.refills import actions, queries
from portal.refills.schemas import Approval, NewRefill, Refusal
from portal.web.guards import roles
from portal.web.query import Limit, Skip

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
PARTIES = roles(Role.PATIENT, Role.DOCTOR)
ONE = "/api/refill-requests/{refill_id:uuid}"
TAGS = ["Prescriptions"]


@post("/api/prescriptions/{prescription_id:uuid}/refill-requests", access=PATIENT, tags=TAGS)
async def ask(
    actor: NamedDependency[Actor], prescription_id: FromPath[UUID], data: JSONBody[NewRefill | None] = None
) -> Refill:
    """Ask the doctor for more of a prescription of yours."""
    return await actions.ask(actor, prescription_id, data or NewRefill())


@get("/api/refill-requests", access=PARTIES, tags=TAGS)
async def list_refills(
    actor: NamedDependency[Actor], only_open: FromQuery[bool] = False, skip: Skip = 0, limit: Limit = 10
) -> RefillList:
    """What you asked for, or are to answer; open ones first."""
    return await queries.list_refills(actor, only_open=only_open, skip=skip, limit=limit)


@get(ONE, access=PARTIES, tags=TAGS)
async def detail(actor: NamedDependency[Actor], refill_id: FromPath[UUID]) -> Refill:
    """One request."""
    return await queries.get_refill(actor, refill_id)


@post(ONE + "/approve", access=DOCTOR, tags=TAGS)
async def approve(
    actor: NamedDependency[Actor], refill_id: FromPath[UUID], data: JSONBody[Approval | None] = None
) -> Prescription:
    """Issue the same items once more; the answer is the new prescription."""
    return await actions.approve(actor, refill_id, data or Approval())


@post(ONE + "/decline", access=DOCTOR, status_code=200, tags=TAGS)
async def decline(actor: NamedDependency[Actor], refill_id: FromPath[UUID], data: JSONBody[Refusal]) -> Refill:
    """Say no, and why."""
    return await actions.decline(actor, refill_id, data)


handlers = [ask, list_refills, detail, approve, decline]
