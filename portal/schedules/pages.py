"""The schedule screens: of a doctor under /schedule, and for a clinic's admin under /clinic/doctors/{id}/schedule.

Every form is sent twice: first to see what the change does to the slots, then to save it.
"""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.errors import DomainError
from portal.schedules import actions, queries
from portal.schedules.schemas import (
    LeaveForm,
    LeaveKind,
    NewSession,
    OverrideForm,
    SessionForm,
    SessionTerms,
    WeeklySession,
)
from portal.slots.pages import DoctorId, base_of, under, weekday_names
from portal.slots.schemas import Weekday
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _, ngettext
from portal.web.render import page, redirect
from portal.web.types import LocalDate

PLANNERS = roles(Role.DOCTOR, Role.CLINIC_ADMIN)


def horizon(request: Request) -> int:
    days: int = request.app.state.settings.horizon_days
    return days


async def screen(
    template: str, actor: Actor, doctor_id: UUID | None, *, status: int = 200, **context: Any
) -> Response[Any]:
    """A page that knows whose schedule it shows."""
    schedule = await queries.get_schedule(actor, doctor_id or actor.id)
    return page(template, status=status, schedule=schedule, doctor=schedule.doctor, base=base_of(doctor_id), **context)


@get(under(""), access=PLANNERS)
async def schedule(
    request: Request, actor: NamedDependency[Actor], doctor_id: DoctorId = None,
    week: Annotated[date | None, QueryParameter(description="A day of the week to show")] = None,
) -> Response[Any]:  # fmt: skip
    """A week from Monday with what is taken of it, the sessions of every week, and the dates that differ."""
    today = clock.today(actor.time_zone)
    monday = (week or today) - timedelta(days=(week or today).weekday())
    plan = await actions.look_at_plan(
        actor, doctor_id or actor.id, monday, monday + timedelta(days=6), horizon(request)
    )
    return await screen(
        "schedules/schedule.html", actor, doctor_id, weekdays=weekday_names(), plan=plan, today=today,
        before=monday - timedelta(days=7), after=monday + timedelta(days=7),
    )  # fmt: skip


@get(under("/sessions/new"), access=PLANNERS)
async def new_session(
    actor: NamedDependency[Actor], doctor_id: DoctorId = None, weekday: FromQuery[Weekday | None] = None
) -> Response[Any]:
    form: Form[SessionForm] = Form.empty(
        {
            "day_of_week": weekday or Weekday.MONDAY, "session_start_time": "09:00", "session_end_time": "12:00",
            "max_queue_size": 12, "estimated_consultation_minutes": 15, "service_type": "VIRTUAL",
            "effective_from": clock.today(actor.time_zone),
        }
    )  # fmt: skip
    return await session_screen(actor, doctor_id, form)


async def session_screen(
    actor: Actor, doctor_id: UUID | None, form: Form[Any], session: WeeklySession | None = None, status: int = 200
) -> Response[Any]:
    template = "schedules/session.html"
    return await screen(template, actor, doctor_id, status=status, form=form, session=session, weekdays=weekday_names())


async def confirm_screen(
    actor: Actor, doctor_id: UUID | None, form: Form[Any], title: str, back: str, slots: Any, **more: Any
) -> Response[Any]:
    """What the change will do, with the same form hidden in it and the one button that does it."""
    terms: WeeklySession | None = more.get("terms")
    context = {
        "form": form, "title": title, "back": back, "slots": slots, "terms": None, "override": None, "danger": False,
        "weekday_name": dict(weekday_names())[terms.day_of_week] if terms else "", **more,
    }  # fmt: skip
    return await screen("schedules/confirm.html", actor, doctor_id, **context)


@post(under("/sessions/new"), access=PLANNERS, status_code=200)
async def create_session(request: Request, actor: NamedDependency[Actor], doctor_id: DoctorId = None) -> Response[Any]:
    form = await read_form(request, SessionForm)
    if form.data is None:
        return await session_screen(actor, doctor_id, form, status=422)
    terms = {name: getattr(form.data, name) for name in SessionTerms.__struct_fields__}
    new = NewSession(doctor_id=doctor_id or actor.id, **terms)
    rehearsal = not form.data.confirmed
    try:
        session = await actions.create_session(actor, new, horizon(request), rehearsal=rehearsal)
    except DomainError as error:
        return await session_screen(actor, doctor_id, refused(form, error), status=error.status)
    if rehearsal:
        back = base_of(doctor_id) + "/sessions/new"
        return await confirm_screen(actor, doctor_id, form, _("Add this session?"), back, session.slots, terms=session)
    flash(request, _("The session is in the schedule."))
    return redirect(base_of(doctor_id))


@get(under("/sessions/{session_id:uuid}"), access=PLANNERS)
async def edit_session(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], doctor_id: DoctorId = None
) -> Response[Any]:
    session = await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    return await session_screen(actor, doctor_id, Form.filled(session), session)


@post(under("/sessions/{session_id:uuid}"), access=PLANNERS, status_code=200)
async def change_session(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], doctor_id: DoctorId = None
) -> Response[Any]:
    session = await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    form = await read_form(request, SessionForm)
    if form.data is None:
        return await session_screen(actor, doctor_id, form, session, status=422)
    rehearsal = not form.data.confirmed
    try:
        changed = await actions.change_session(actor, session_id, form.data, horizon(request), rehearsal=rehearsal)
    except DomainError as error:
        return await session_screen(actor, doctor_id, refused(form, error), session, status=error.status)
    if rehearsal:
        back = f"{base_of(doctor_id)}/sessions/{session_id}"
        return await confirm_screen(
            actor, doctor_id, form, _("Save these changes?"), back, changed.slots, terms=changed
        )
    flash(request, _("The session is changed."))
    return redirect(base_of(doctor_id))


@get(under("/sessions/{session_id:uuid}/end"), access=PLANNERS)
async def confirm_end(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], doctor_id: DoctorId = None
) -> Response[Any]:
    session = await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    slots = await actions.delete_session(actor, session_id, horizon(request), rehearsal=True)
    back = f"{base_of(doctor_id)}/sessions/{session_id}"
    title = _("End this session?")
    return await confirm_screen(actor, doctor_id, Form(), title, back, slots, terms=session, danger=True)


@post(under("/sessions/{session_id:uuid}/end"), access=PLANNERS, status_code=200)
async def end_session(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], doctor_id: DoctorId = None
) -> Response[Any]:
    await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    await actions.delete_session(actor, session_id, horizon(request))
    flash(request, _("The session has ended."))
    return redirect(base_of(doctor_id))


@get(under("/sessions/{session_id:uuid}/exceptions/new"), access=PLANNERS)
async def new_override(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], doctor_id: DoctorId = None,
    on: FromQuery[LocalDate | None] = None,
) -> Response[Any]:  # fmt: skip
    session = await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    form: Form[OverrideForm] = Form.empty({"date": on, "kind": "CANCELLED"})
    return await screen("schedules/exception.html", actor, doctor_id, form=form, session=session)


@post(under("/sessions/{session_id:uuid}/exceptions/new"), access=PLANNERS, status_code=200)
async def add_override(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], doctor_id: DoctorId = None
) -> Response[Any]:
    session = await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    form = await read_form(request, OverrideForm)
    template = "schedules/exception.html"
    if form.data is None:
        return await screen(template, actor, doctor_id, status=422, form=form, session=session)
    rehearsal = not form.data.confirmed
    try:
        added = await actions.add_override(actor, session_id, form.data, horizon(request), rehearsal=rehearsal)
    except DomainError as error:
        shown = refused(form, error)
        return await screen(template, actor, doctor_id, status=error.status, form=shown, session=session)
    if rehearsal:
        back = f"{base_of(doctor_id)}/sessions/{session_id}/exceptions/new?on={added.date}"
        return await confirm_screen(
            actor, doctor_id, form, _("Save this exception?"), back, added.slots, override=added
        )
    flash(request, _("The exception is in the schedule."))
    if added.slots and added.slots.need_attention:
        return redirect(f"/sessions/{session_id}/repair?date={added.date}")
    return redirect(base_of(doctor_id))


@post(under("/sessions/{session_id:uuid}/exceptions/{override_id:uuid}/remove"), access=PLANNERS, status_code=200)
async def remove_override(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], override_id: FromPath[UUID],
    doctor_id: DoctorId = None,
) -> Response[Any]:  # fmt: skip
    await queries.get_own_session(actor, session_id, doctor_id or actor.id)
    await actions.remove_override(actor, session_id, override_id, horizon(request))
    flash(request, _("The session takes place on that date again."))
    return redirect(base_of(doctor_id))


@get(under("/leave"), access=PLANNERS)
async def new_leave(
    actor: NamedDependency[Actor], doctor_id: DoctorId = None, on: FromQuery[LocalDate | None] = None
) -> Response[Any]:
    first = on or clock.today(actor.time_zone)
    form: Form[LeaveForm] = Form.empty({"from": first, "to": first, "kind": "CLOSE"})
    return await screen("schedules/leave.html", actor, doctor_id, form=form)


@post(under("/leave"), access=PLANNERS, status_code=200)
async def set_leave(request: Request, actor: NamedDependency[Actor], doctor_id: DoctorId = None) -> Response[Any]:
    """First what closing or opening the dates does, day by day; then it is done."""
    form = await read_form(request, LeaveForm)
    if form.data is None:
        return await screen("schedules/leave.html", actor, doctor_id, status=422, form=form)
    rehearsal = not form.data.confirmed
    try:
        leave = await actions.set_leave(actor, doctor_id or actor.id, form.data, horizon(request), rehearsal=rehearsal)
    except DomainError as error:
        return await screen("schedules/leave.html", actor, doctor_id, status=error.status, form=refused(form, error))
    if rehearsal:
        return await screen("schedules/leave_preview.html", actor, doctor_id, form=form, leave=leave)
    flash(request, ngettext("%(n)s session is changed.", "%(n)s sessions are changed.", leave.sessions))
    if leave.slots.need_attention and leave.kind is LeaveKind.CLOSE:
        return redirect(f"/attention?doctor_id={doctor_id or actor.id}&from={leave.from_}&to={leave.to}")
    return redirect(f"{base_of(doctor_id)}?week={leave.from_}")


def refused(form: Form[Any], error: DomainError) -> Form[Any]:
    """The form again with what the action said; who may not come here at all sees no form."""
    if error.status not in (409, 422):
        raise error
    return form.refused(error)


handlers: list[Any] = [
    schedule, new_session, create_session, edit_session, change_session, confirm_end, end_session, new_override,
    add_override, remove_override, new_leave, set_leave,
]  # fmt: skip
