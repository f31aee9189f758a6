"""The public page of a clinic, and the pages of those who run it."""

from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from msgspec import structs

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.clinics import actions, queries
from portal.clinics.schemas import Clinic, ClinicForm, StaffRequest, chosen_clinic, is_open
from portal.errors import Conflict, DomainError, Invalid
from portal.people.actions import invite_doctor
from portal.people.schemas import NewDoctor
from portal.specialties.queries import specialties
from portal.web.contacts import time_zones
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Line

ADMIN = roles(Role.CLINIC_ADMIN)
MAKERS = roles(Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
Which = FromQuery[UUID | None]
Who = FromQuery[Annotated[str, Line(100)] | None]
A_PAGE = 25


@get("/clinics/{clinic_id:uuid}", access=PUBLIC)
async def public(viewer: NamedDependency[Actor | None], clinic_id: FromPath[UUID], skip: Skip = 0) -> Response[Any]:
    clinic = await queries.clinic(viewer, clinic_id)
    doctors, total = await queries.clinic_doctors(None, clinic_id, skip, A_PAGE)
    local = clock.now().astimezone(ZoneInfo(clinic.time_zone))
    now: dict[str, Any] = {"today": local.isoweekday(), "open_now": is_open(clinic, local)}
    return page("clinics/public.html", clinic=clinic, doctors=doctors, total=total, skip=skip, limit=A_PAGE, **now)


@get("/clinic", access=ADMIN)
async def home(actor: NamedDependency[Actor]) -> Response[Any]:
    """What needs attention, then the day."""
    return page(
        "clinics/home.html",
        clinics=await queries.own_clinics(actor),
        attention=await queries.needs_attention(actor),
        day=await queries.day_of_own_clinics(actor),
    )


@get("/clinic/doctors", access=ADMIN)
async def doctors(
    actor: NamedDependency[Actor], clinic: Which = None, who: Who = None, skip: Skip = 0
) -> Response[Any]:
    return await doctors_page(actor, clinic, who=who, skip=skip)


async def doctors_page(
    actor: Actor,
    wanted: UUID | None,
    *,
    who: str | None = None,
    skip: int = 0,
    form: Form | None = None,
    status: int = 200,
) -> Response[Any]:
    chosen = chosen_clinic(actor, wanted)
    if chosen is None:
        return redirect("/clinic/new")
    found, total = await queries.clinic_doctors(actor, chosen, skip, A_PAGE)
    listed: dict[str, Any] = {"doctors": found, "total": total, "skip": skip, "limit": A_PAGE}
    return page(
        "clinics/doctors.html",
        status=status,
        form=form,
        who=who or "",
        newcomers=await queries.newcomers(chosen, who) if who else [],
        clinic=await queries.clinic(actor, chosen),
        clinics=await queries.own_clinics(actor),
        specialties=[(one.id, one.name) for one in (await specialties(actor, None, 0, 100)).specialties if one.active],
        **listed,
    )


@post("/clinic/doctors/invite", access=ADMIN, status_code=200)
async def invite(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NewDoctor)
    if form.data is None:
        return await doctors_page(actor, None, form=form, status=422)
    try:
        invited = await invite_doctor(actor, form.data)
    except (Invalid, Conflict) as refused:
        return await doctors_page(actor, form.data.clinic_id, form=form.refused(refused), status=refused.status)
    flash(request, _("%(name)s has been invited by mail.", name=f"{invited.first_name} {invited.last_name}"))
    return redirect(f"/clinic/doctors?clinic={form.data.clinic_id}")


@post("/clinics/{clinic_id:uuid}/doctors", access=ADMIN, status_code=303)
async def add_doctor(request: Request, actor: NamedDependency[Actor], clinic_id: FromPath[UUID]) -> Response[Any]:
    """Take a doctor who has an account into the clinic."""
    form = await read_form(request, StaffRequest)
    if form.data is None:
        raise Invalid(form.errors)
    await actions.add_doctor(actor, clinic_id, form.data)
    flash(request, _("The doctor works at your clinic now."))
    return redirect(f"/clinic/doctors?clinic={clinic_id}")


@get("/clinic/settings", access=ADMIN)
async def settings(actor: NamedDependency[Actor], clinic: Which = None) -> Response[Any]:
    chosen = chosen_clinic(actor, clinic)
    if chosen is None:
        return redirect("/clinic/new")
    found = await queries.clinic(actor, chosen)
    return await settings_page(actor, found, filled(found))


async def settings_page(actor: Actor, clinic: Clinic, form: Form, status: int = 200) -> Response[Any]:
    own = await queries.own_clinics(actor)
    return page("clinics/settings.html", status=status, form=form, clinic=clinic, clinics=own, zones=zone_choices())


@post("/clinic/settings/{clinic_id:uuid}", access=ADMIN, status_code=200)
async def change(request: Request, actor: NamedDependency[Actor], clinic_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, ClinicForm)
    clinic = await queries.clinic(actor, clinic_id)
    if form.data is None:
        return await settings_page(actor, clinic, form, 422)
    try:
        await actions.change_clinic(actor, clinic_id, form.data.change())
    except Conflict as refused:
        return await settings_page(actor, clinic, form.refused(refused), 409)
    flash(request, _("Saved."))
    return redirect(f"/clinic/settings?clinic={clinic_id}")


@get("/clinic/new", access=MAKERS)
async def new(actor: NamedDependency[Actor]) -> Response[Any]:
    form: Form[Any] = Form.empty({"time_zone": actor.time_zone, "currency": "USD"})
    return page("clinics/new.html", form=form, zones=zone_choices())


@post("/clinic/new", access=MAKERS, status_code=200)
async def create(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, ClinicForm)
    if form.data is None:
        return page("clinics/new.html", status=422, form=form, zones=zone_choices())
    try:
        made = await actions.create_clinic(actor, form.data.new())
    except DomainError as refused:
        again = form.refused(refused)
        return page("clinics/new.html", status=refused.status, form=again, zones=zone_choices())
    flash(request, _("The clinic has been made."))
    return redirect(f"/clinics/{made.id}")


def zone_choices() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(time_zones())]


def filled(clinic: Clinic) -> Form:
    """The form as stored: departments one a line, two lines a weekday."""
    values: dict[str, Any] = structs.asdict(clinic)
    values["departments"] = "\n".join(one.name for one in clinic.departments)
    for day in range(1, 8):
        spells = [one for one in clinic.opening_hours if one.day_of_week == day][:2]
        for number, spell in enumerate(spells):
            row = (day - 1) * 2 + number
            values[f"hours.{row}.opens"], values[f"hours.{row}.closes"] = spell.opens, spell.closes
    return Form.empty({name: value for name, value in values.items() if name not in ("opening_hours", "id")})


handlers = [public, home, doctors, invite, add_doctor, settings, change, new, create]
