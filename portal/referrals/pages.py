"""Refer a patient to another doctor, and plan a follow-up: from the page of one's own visit."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response
from msgspec import Meta

from portal.accounts.schemas import Actor, Role
from portal.booking.schemas import NewTime
from portal.errors import Conflict, FieldError, Invalid
from portal.referrals import actions, queries
from portal.referrals.schemas import MOST_WEEKS, NewFollowUp, NewReferral
from portal.specialties.queries import specialties
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.render import page, redirect
from portal.web.types import Id

DOCTOR = roles(Role.DOCTOR)
ONE = "/appointments/{appointment_id:uuid}"
USUAL_WEEKS = (1, 2, 4, 6, 8)


@get(ONE + "/refer", access=DOCTOR)
async def choose_colleague(
    actor: NamedDependency[Actor],
    appointment_id: FromPath[UUID],
    specialty_id: FromQuery[Id | None] = None,
    doctor_id: FromQuery[Id | None] = None,
) -> Response[Any]:
    """First the specialty, then the doctor, then the time and the note."""
    return await refer_page(actor, appointment_id, specialty_id, doctor_id, Form.empty())


async def refer_page(
    actor: Actor,
    appointment_id: UUID,
    specialty_id: UUID | None,
    doctor_id: UUID | None,
    form: Form[Any],
    status: int = 200,
    refused: str = "",
) -> Response[Any]:
    visit = await queries.own_visit(actor, appointment_id)
    if visit.status not in actions.SEEN:
        return redirect(f"/appointments/{appointment_id}", flash=_("This can be done once the visit has begun."))
    choices = [(one.id, one.name) for one in (await specialties(actor, None, 0, 100)).specialties]
    found = await queries.colleagues(specialty_id, actor, visit.appointment_type) if specialty_id else []
    return page(
        "referrals/refer.html",
        status=status,
        visit=visit,
        form=form,
        refused=refused,
        specialties=choices,
        specialty_id=specialty_id,
        colleagues=found,
        chosen=next((one for one in found if one.doctor_id == doctor_id), None),
        times=await queries.times_of(doctor_id, visit.appointment_type) if doctor_id else [],
    )


@post(ONE + "/refer", access=DOCTOR, status_code=200)
async def refer(
    request: Request,
    actor: NamedDependency[Actor],
    appointment_id: FromPath[UUID],
    specialty_id: FromQuery[Id | None] = None,
) -> Response[Any]:
    form = await read_form(request, NewReferral)
    if form.data is None:
        return await refer_page(actor, appointment_id, specialty_id, chosen_in(form), form, 422)
    try:
        visit = await actions.refer(actor, appointment_id, form.data, request.app.state.settings.horizon_days)
    except Invalid as refused:
        return await refer_page(actor, appointment_id, specialty_id, None, form.refused(refused), 422)
    except Conflict as conflict:
        return await refer_page(
            actor, appointment_id, specialty_id, form.data.doctor_id, form, 409, refused=conflict.detail
        )
    text = _("The patient has a visit with %(doctor)s now, and has been told.", doctor=visit.doctor_name)
    return redirect(f"/appointments/{appointment_id}/visit", flash=text)


def chosen_in(form: Form[Any]) -> UUID | None:
    """The doctor of a form that has other faults."""
    try:
        return UUID(form.value("doctor_id"))
    except ValueError:
        return None


@get(ONE + "/follow-up", access=DOCTOR)
async def plan(
    request: Request,
    actor: NamedDependency[Actor],
    appointment_id: FromPath[UUID],
    weeks: Annotated[int, QueryParameter(description="After how many weeks"), Meta(ge=1, le=MOST_WEEKS)] = 4,
) -> Response[Any]:
    """Free times about so many weeks after the visit, one press each."""
    return await plan_page(request, actor, appointment_id, weeks)


async def plan_page(
    request: Request, actor: Actor, appointment_id: UUID, weeks: int, status: int = 200, refused: str = ""
) -> Response[Any]:
    visit = await queries.own_visit(actor, appointment_id)
    if visit.status not in actions.SEEN:
        return redirect(f"/appointments/{appointment_id}", flash=_("This can be done once the visit has begun."))
    wanted = NewFollowUp(weeks=weeks)
    found = await actions.follow_up(actor, appointment_id, wanted, request.app.state.settings.horizon_days)
    return page(
        "referrals/follow_up.html",
        status=status,
        visit=visit,
        weeks=weeks,
        usual=USUAL_WEEKS,
        times=getattr(found, "proposals", []),
        refused=refused,
    )


@post(ONE + "/follow-up", access=DOCTOR, status_code=200)
async def follow_up(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, NewTime)
    if form.data is None:
        raise Invalid([FieldError("slot_id", _("Choose a time."))])
    wanted = NewFollowUp(slot_id=form.data.slot_id)
    try:
        await actions.follow_up(actor, appointment_id, wanted, request.app.state.settings.horizon_days)
    except Conflict as conflict:
        return await plan_page(request, actor, appointment_id, 4, 409, conflict.detail)
    return redirect(
        f"/appointments/{appointment_id}/visit", flash=_("The follow-up is booked; the patient has been told.")
    )


handlers = [choose_colleague, refer, plan, follow_up]
