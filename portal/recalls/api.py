"""Recalls as JSON."""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from portal.accounts.schemas import Actor, Role
from portal.recalls import actions, queries
from portal.recalls.schemas import Recall, Recalled, Trace
from portal.web.guards import roles
from portal.web.types import Line

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
INVENTORY = "/api/inventory"
TAGS = ["Stock"]


@get(INVENTORY + "/recalls", access=KEEPERS, tags=TAGS)
async def trace(actor: NamedDependency[Actor], batch_number: Annotated[str, Line(60)]) -> Trace:
    """Where batches of a number are, and where what was in them went."""
    return await queries.trace_batch(actor, batch_number)


@post(INVENTORY + "/recalls", access=KEEPERS, status_code=200, tags=TAGS)
async def recall(actor: NamedDependency[Actor], data: JSONBody[Recall]) -> Recalled:
    """Stop every batch of a number at once, at all your places."""
    return await actions.recall(actor, data)


@post(INVENTORY + "/recalls/lift", access=KEEPERS, status_code=200, tags=TAGS)
async def lift_recall(actor: NamedDependency[Actor], data: JSONBody[Recall]) -> Recalled:
    """What was recalled by mistake may be given out again."""
    return await actions.lift_recall(actor, data)


handlers = [trace, recall, lift_recall]
