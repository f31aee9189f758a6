"""The counter as JSON."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.dispensing import actions, queries
from portal.dispensing.schemas import (
    CounterPrescription,
    Dispense,
    DispenseList,
    Fills,
    NewDispense,
    Opening,
    OpenList,
    ReceiverList,
)
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Line

PHARMACY = roles(Role.PHARMACY)
PARTIES = roles(Role.PATIENT, Role.DOCTOR, Role.PHARMACY)
ONE = "/api/prescriptions/{prescription_id:uuid}"
DISPENSE = "/api/dispenses/{dispense_id:uuid}"
TAGS = ["Prescriptions and stock"]


@get("/api/prescriptions/active", access=PHARMACY, tags=TAGS)
async def list_open(
    actor: NamedDependency[Actor],
    name: FromQuery[Annotated[str, Line(100)] | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> OpenList:
    """What was sent to your pharmacy or opened there, and is not yet given out altogether."""
    return await queries.list_open(actor, name, skip, limit)


@post("/api/prescriptions/open", access=PHARMACY, status_code=200, tags=TAGS)
async def open_prescription(actor: NamedDependency[Actor], data: JSONBody[Opening]) -> CounterPrescription:
    """Open a prescription by its code and the patient's date of birth. Wrong tries are limited and audited."""
    return await actions.open_prescription(actor, data)


@get(ONE + "/counter", access=PHARMACY, tags=TAGS)
async def get_for_counter(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> CounterPrescription:
    """A prescription with what your pharmacy has for it: batches by first expiry, and substitutes."""
    return await queries.get_for_counter(actor, prescription_id)


@post(ONE + "/dispense", access=PHARMACY, tags=TAGS)
async def dispense(
    actor: NamedDependency[Actor], prescription_id: FromPath[UUID], data: JSONBody[NewDispense]
) -> Dispense:
    """Give out items of a prescription, all of them or none; without a batch the first to expire are taken."""
    return await actions.dispense(actor, prescription_id, data)


@get(ONE + "/dispenses", access=PARTIES, tags=TAGS)
async def list_fills(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Fills:
    """What was given out for a prescription, and what was taken back."""
    return Fills(dispenses=await queries.list_fills(actor, prescription_id))


@get("/api/dispenses", access=PHARMACY, tags=TAGS)
async def list_dispenses(actor: NamedDependency[Actor], skip: Skip = 0, limit: Limit = 10) -> DispenseList:
    """What your pharmacy gave out, the last first."""
    return await queries.list_dispenses(actor, skip, limit)


@get(DISPENSE, access=PHARMACY, tags=TAGS)
async def get_dispense(actor: NamedDependency[Actor], dispense_id: FromPath[UUID]) -> Dispense:
    """One visit to your counter."""
    return await queries.get_dispense(actor, dispense_id)


@post(DISPENSE + "/undo", access=PHARMACY, status_code=200, tags=TAGS)
async def undo_dispense(actor: NamedDependency[Actor], dispense_id: FromPath[UUID]) -> Dispense:
    """Take back within 15 minutes what was given out: the stock returns to its batches."""
    return await actions.undo_dispense(actor, dispense_id)


@get("/api/inventory/batches/{batch_id:uuid}/receivers", access=PHARMACY, tags=TAGS)
async def list_receivers(
    actor: NamedDependency[Actor], batch_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> ReceiverList:
    """Who was given something out of a batch of your pharmacy, for a recall."""
    return await queries.list_receivers(actor, batch_id, skip, limit)


handlers = [
    list_open, open_prescription, get_for_counter, dispense, list_fills, list_dispenses, get_dispense, undo_dispense,
    list_receivers,
]  # fmt: skip
