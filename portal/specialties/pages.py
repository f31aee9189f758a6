"""The list of specialties, for those who keep it."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict
from portal.specialties import actions, queries
from portal.specialties.schemas import NewSpecialty, SpecialtyChange
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect

KEEPERS = roles(Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
A_PAGE = 50


async def listed(actor: Actor, skip: int = 0, form: Form | None = None, status: int = 200) -> Response[Any]:
    found = await queries.specialties(actor, None, skip, A_PAGE)
    return page("specialties/list.html", status=status, found=found, form=form)


@get("/specialties", access=KEEPERS)
async def show(actor: NamedDependency[Actor], skip: Skip = 0) -> Response[Any]:
    return await listed(actor, skip)


@post("/specialties", access=KEEPERS, status_code=200)
async def create(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NewSpecialty)
    if form.data is None:
        return await listed(actor, form=form, status=422)
    try:
        made = await actions.create_specialty(actor, form.data)
    except Conflict as refused:
        return await listed(actor, form=form.with_error("name", refused.detail), status=409)
    flash(request, _("%(name)s has been added.", name=made.name))
    return redirect("/specialties")


@get("/specialties/{specialty_id:uuid}", access=KEEPERS)
async def edit(specialty_id: FromPath[UUID]) -> Response[Any]:
    specialty = await queries.specialty(specialty_id)
    return page("specialties/edit.html", specialty=specialty, form=Form.filled(specialty))


@post("/specialties/{specialty_id:uuid}", access=KEEPERS, status_code=200)
async def change(request: Request, actor: NamedDependency[Actor], specialty_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, SpecialtyChange)
    if form.data is None:
        return page("specialties/edit.html", status=422, form=form, specialty=await queries.specialty(specialty_id))
    try:
        await actions.change_specialty(actor, specialty_id, form.data)
    except Conflict as refused:
        specialty = await queries.specialty(specialty_id)
        return page(
            "specialties/edit.html", status=409, form=form.with_error("name", refused.detail), specialty=specialty
        )
    flash(request, _("Saved."))
    return redirect("/specialties")


@post("/specialties/{specialty_id:uuid}/delete", access=KEEPERS, status_code=200)
async def remove(request: Request, actor: NamedDependency[Actor], specialty_id: FromPath[UUID]) -> Response[Any]:
    removed = await actions.delete_specialty(actor, specialty_id)
    flash(request, _("Deleted.") if removed else _("Doctors have it, so it is only offered no longer."))
    return redirect("/specialties")


handlers = [show, create, edit, change, remove]
