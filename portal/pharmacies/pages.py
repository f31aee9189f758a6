"""The pages of those who run a pharmacy."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response
from msgspec import structs

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict
from portal.pharmacies import actions, queries
from portal.pharmacies.schemas import NewPharmacy
from portal.web.contacts import time_zones
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.render import page, redirect

PHARMACY = roles(Role.PHARMACY)
MAKERS = roles(Role.PHARMACY, Role.SYSTEM_ADMIN)


@get("/pharmacy", access=PHARMACY)
async def home(actor: NamedDependency[Actor]) -> Response[Any]:
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    return page("pharmacies/home.html", pharmacy=await queries.own_pharmacy(actor, actor.pharmacy_id))


@get("/pharmacy/settings", access=PHARMACY)
async def settings(actor: NamedDependency[Actor]) -> Response[Any]:
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    pharmacy = await queries.own_pharmacy(actor, actor.pharmacy_id)
    return form_page(Form.empty(structs.asdict(pharmacy)), "/pharmacy/settings")


@post("/pharmacy/settings", access=PHARMACY, status_code=200)
async def change(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NewPharmacy)
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    if form.data is None:
        return form_page(form, "/pharmacy/settings", 422)
    await actions.change_pharmacy(actor, actor.pharmacy_id, form.data.change())
    flash(request, _("Saved."))
    return redirect("/pharmacy")


@get("/pharmacy/new", access=MAKERS)
async def new(actor: NamedDependency[Actor]) -> Response[Any]:
    return form_page(Form.empty({"time_zone": actor.time_zone}), "/pharmacy/new")


@post("/pharmacy/new", access=MAKERS, status_code=200)
async def create(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NewPharmacy)
    if form.data is None:
        return form_page(form, "/pharmacy/new", 422)
    try:
        made = await actions.create_pharmacy(actor, form.data)
    except Conflict as refused:
        return form_page(form.refused(refused), "/pharmacy/new", 409)
    flash(request, _("%(name)s has been made.", name=made.name))
    return redirect("/home")


def form_page(form: Form, action: str, status: int = 200) -> Response[Any]:
    zones = [(name, name.replace("_", " ")) for name in sorted(time_zones())]
    return page("pharmacies/form.html", status=status, form=form, form_path=action, zones=zones)


handlers = [home, settings, change, new, create]
