"""The catalogue for those who keep it."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.catalogue import actions, queries
from portal.catalogue.schemas import ItemForm, NewItem, unit_words
from portal.errors import Conflict
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Line

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
A_PAGE = 50


@get("/stock/catalog", access=KEEPERS)
async def catalog(
    actor: NamedDependency[Actor], q: FromQuery[Annotated[str, Line(100)] | None] = None, skip: Skip = 0
) -> Response[Any]:
    found = await queries.search_items(actor, q, retired_too=True, skip=skip, limit=A_PAGE)
    return page("catalogue/list.html", found=found, q=q or "", units=unit_words())


@get("/stock/catalog/new", access=KEEPERS)
async def ask_new(name: FromQuery[Annotated[str, Line(200)] | None] = None) -> Response[Any]:
    return await item_page(Form.empty({"name": name, "unit_type": "TABLETS"}), None)


@post("/stock/catalog/new", access=KEEPERS, status_code=200)
async def add(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NewItem)
    if form.data is None:
        return await item_page(form, None, 422)
    try:
        item = await actions.add_item(actor, form.data)
    except Conflict as refused:
        return await item_page(form.with_error("name", refused.detail), None, refused.status)
    flash(request, _("%(name)s has been added.", name=item.label))
    return redirect(f"/stock/items/{item.id}")


@get("/stock/catalog/{item_id:uuid}", access=KEEPERS)
async def edit(actor: NamedDependency[Actor], item_id: FromPath[UUID]) -> Response[Any]:
    return await item_page(Form.filled(await queries.get_item(actor, item_id)), item_id)


@post("/stock/catalog/{item_id:uuid}", access=KEEPERS, status_code=200)
async def change(request: Request, actor: NamedDependency[Actor], item_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, ItemForm)
    await queries.get_item(actor, item_id)
    if form.data is None:
        return await item_page(form, item_id, 422)
    try:
        await actions.change_item(actor, item_id, form.data.change())
    except Conflict as refused:
        return await item_page(form.with_error("name", refused.detail), item_id, refused.status)
    flash(request, _("Saved."))
    return redirect(f"/stock/items/{item_id}")


async def item_page(form: Form[Any], item_id: UUID | None, status: int = 200) -> Response[Any]:
    units = list(unit_words().items())
    return page(
        "catalogue/item.html", status=status, form=form, item_id=item_id, units=units, groups=await queries.categories()
    )


handlers = [catalog, ask_new, add, edit, change]
