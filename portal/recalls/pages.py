"""Recalls for those who keep stock."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict
from portal.inventory.pages import Where, around
from portal.recalls import actions, queries
from portal.recalls.schemas import Recall
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.render import page, redirect
from portal.web.types import Line

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)


@get("/stock/recalls", access=KEEPERS)
async def recalls(
    actor: NamedDependency[Actor],
    location: Where = None,
    batch_number: FromQuery[Annotated[str, Line(60)] | None] = None,
) -> Response[Any]:
    """Where a batch is and where it went, and how to stop it."""
    return await recall_page(actor, location, batch_number)


async def recall_page(
    actor: Actor, location: UUID | None, number: str | None, form: Form[Any] | None = None, status: int = 200
) -> Response[Any]:
    context = await around(actor, location)
    found = await queries.trace_batch(actor, number) if number else None
    names = {one.id: one.name for one in context["places"]}
    return page(
        "recalls/recalls.html", status=status, **context, number=number or "", found=found, names=names, form=form
    )


@post("/stock/recalls", access=KEEPERS, status_code=200)
async def recall(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    return await recalled(request, actor, actions.recall, _("The batch is recalled. It is not given out any more."))


@post("/stock/recalls/lift", access=KEEPERS, status_code=200)
async def lift_recall(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    return await recalled(request, actor, actions.lift_recall, _("The recall is lifted."))


async def recalled(
    request: Request, actor: Actor, action: Callable[[Actor, Recall], Awaitable[Any]], words: str
) -> Response[Any]:
    form = await read_form(request, Recall)
    number = "" if form.error("batch_number") else form.value("batch_number")
    if form.data is None:
        return await recall_page(actor, None, number, form, 422)
    try:
        await action(actor, form.data)
    except Conflict as refused:
        return await recall_page(actor, None, number, form.refused(refused), refused.status)
    flash(request, words)
    return redirect("/stock/recalls")


handlers = [recalls, recall, lift_recall]
