"""The doctor's own practice: what patients read, and whether the doctor can be reached now."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response
from msgspec import structs

from portal.accounts.schemas import Actor, Role
from portal.errors import Invalid
from portal.people import actions, queries
from portal.people.schemas import AvailabilityForm, Doctor, PracticeForm
from portal.specialties.queries import specialties
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.hosts import safe_next
from portal.web.i18n import _
from portal.web.render import page, redirect

DOCTOR = roles(Role.DOCTOR)


@get("/settings/practice", access=DOCTOR)
async def practice(actor: NamedDependency[Actor]) -> Response[Any]:
    doctor = await queries.own_practice(actor)
    return await practice_page(
        actor, doctor, Form.empty({**structs.asdict(doctor), "languages": ", ".join(doctor.languages)})
    )


async def practice_page(actor: Actor, doctor: Doctor, form: Form, status: int = 200) -> Response[Any]:
    found = await specialties(actor, None, 0, 100)
    choices = [(one.id, one.name) for one in found.specialties]
    return page("people/practice.html", status=status, form=form, doctor=doctor, specialties=choices)


@post("/settings/practice", access=DOCTOR, status_code=200)
async def change_practice(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, PracticeForm)
    if form.data is None:
        return await practice_page(actor, await queries.own_practice(actor), form, 422)
    try:
        await actions.change_doctor(actor, actor.id, form.data.change())
    except Invalid as refused:
        return await practice_page(actor, await queries.own_practice(actor), form.refused(refused), 422)
    flash(request, _("Saved. Patients see it at once."))
    return redirect("/settings/practice")


@post("/settings/availability", access=DOCTOR, status_code=303)
async def set_availability(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, AvailabilityForm)
    if form.data is None:
        raise Invalid(form.errors)
    await actions.set_availability(actor, actor.id, form.data.status)
    flash(request, _("Your availability has been changed."))
    return redirect(safe_next(form.value("next"), "/settings/practice"))


@get("/availability", access=DOCTOR)
async def availability(actor: NamedDependency[Actor], back: FromQuery[str | None] = None) -> Response[Any]:
    """The switch in the header of every page, live; without JavaScript there is a link to the practice instead."""
    doctor = await queries.own_practice(actor)
    return page("people/_availability.html", doctor=doctor, back=safe_next(back, "/today"))


handlers = [practice, change_practice, set_availability, availability]
