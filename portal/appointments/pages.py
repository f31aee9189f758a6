"""Visits and the doctor's day, for people."""

from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role, first_page
from portal.appointments import actions, policy, queries
from portal.appointments.events import topics_for
from portal.appointments.ical import calendar_of
from portal.appointments.schemas import (
    Appointment,
    AppointmentStatus,
    BackForm,
    Cancellation,
)
from portal.errors import Conflict
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import SIGNED_IN, roles
from portal.web.hosts import safe_next
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Id

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
ADMIN = roles(Role.CLINIC_ADMIN)
PARTIES = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
ONE = "/appointments/{appointment_id:uuid}"
Day = Annotated[date | None, QueryParameter(name="date")]


def shown(actor: Actor) -> dict[str, Any]:
    """What the templates of visits ask about the person who looks."""
    now = clock.now()
    return {
        "now": now,
        "moves": partial(policy.moves_now, actor, now=now),
        "next_step": lambda one: policy.next_step(one, now),
        "room_is_open": lambda one: policy.room_is_open(one, now),
    }


# Visits


@get("/home", access=SIGNED_IN)
async def home(actor: NamedDependency[Actor]) -> Response[Any]:
    """The patient's next visit and what matters about it now; others go on to their own first page."""
    start = first_page(actor.role, actor.status)
    if start != "/home":
        return redirect(start)
    coming = await queries.list_visits(actor, past=False, limit=10)
    recent = await queries.list_visits(actor, past=True, limit=3)
    return page(
        "appointments/home.html",
        coming=coming.appointments,
        recent=recent.appointments,
        live_topics=[f"user:{actor.id}", *queue_topics(actor, coming.appointments[:1])],
        **shown(actor),
    )


def queue_topics(actor: Actor, visits: list[Appointment]) -> list[str]:
    """The queues that a patient's pages show a place in."""
    now = clock.now()
    near = [one for one in visits if actor.role is Role.PATIENT and policy.next_step(one, now) in policy.IN_QUEUE]
    return [f"queue:{one.session_id}:{one.date}" for one in near if one.session_id]


@get("/appointments", access=PARTIES)
async def list_visits(
    actor: NamedDependency[Actor], view: FromQuery[str | None] = None, skip: Skip = 0
) -> Response[Any]:
    past = view == "past"
    found = await queries.list_visits(actor, past=past, skip=skip)
    return page("appointments/list.html", found=found, past=past, live_topics=[f"user:{actor.id}"], **shown(actor))


@get(ONE, access=PARTIES)
async def visit(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """One visit: where, when, with whom, what can be done about it, and what has happened so far."""
    found = await queries.get_appointment(actor, appointment_id)
    history = await queries.get_history(actor, appointment_id)
    referrals = await queries.list_referrals(actor, appointment_id)
    return page(
        "appointments/visit.html",
        visit=found,
        history=history.history,
        referrals=referrals.referrals,
        summary=await queries.get_summary(appointment_id),
        live_topics=[*topics_for(actor, found), *queue_topics(actor, [found])],
        **shown(actor),
    )


@get(ONE + "/calendar.ics", access=PARTIES)
async def calendar(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[str]:
    found = await queries.get_appointment(actor, appointment_id)
    text = calendar_of([found], request.app.state.settings.base_url)
    headers = {"Content-Disposition": 'attachment; filename="visit.ics"'}
    return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)


@get(ONE + "/cancel", access=PARTIES)
async def ask_cancel(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    found = await queries.get_appointment(actor, appointment_id)
    if "cancel" not in policy.moves_now(actor, found):
        return redirect(f"/appointments/{appointment_id}", flash=_("This visit can no longer be cancelled."))
    return page("appointments/cancel.html", visit=found, form=Form.empty(), **shown(actor))


@post(ONE + "/cancel", access=PARTIES, status_code=200)
async def cancel(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Cancellation)
    if form.data is None:
        found = await queries.get_appointment(actor, appointment_id)
        return page("appointments/cancel.html", status=422, visit=found, form=form, **shown(actor))
    try:
        await actions.cancel(actor, appointment_id, form.data.reason)
    except Conflict as conflict:
        return redirect(f"/appointments/{appointment_id}", flash=conflict.detail)
    return redirect(f"/appointments/{appointment_id}", flash=_("The visit is cancelled."))


async def moved(request: Request, actor: Actor, appointment_id: UUID, action: str) -> Response[Any]:
    """Make a move and go back to where its button was; somebody else having been faster is no error page."""
    form = await read_form(request, BackForm)
    try:
        await actions.move(actor, appointment_id, action)
    except Conflict as conflict:
        flash(request, conflict.detail)
    return redirect(safe_next(form.value("next"), f"/appointments/{appointment_id}"))


@post(ONE + "/confirm", access=PARTIES, status_code=200)
async def confirm(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    return await moved(request, actor, appointment_id, "confirm")


@post(ONE + "/check-in", access=PARTIES, status_code=200)
async def check_in(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    return await moved(request, actor, appointment_id, "check-in")


@post(ONE + "/start", access=DOCTOR, status_code=200)
async def start(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    return await moved(request, actor, appointment_id, "start")


@post(ONE + "/no-show", access=STAFF, status_code=200)
async def no_show(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    return await moved(request, actor, appointment_id, "no-show")


# The day

A_DAYS_PAGE = 50


def around(day: date) -> dict[str, Any]:
    return {"day": day, "before": day - timedelta(days=1), "after": day + timedelta(days=1)}


@get("/clinic/appointments", access=ADMIN)
async def clinic_day(
    actor: NamedDependency[Actor],
    day: Day = None,
    doctor_id: FromQuery[Id | None] = None,
    status: FromQuery[AppointmentStatus | None] = None,
    skip: Skip = 0,
) -> Response[Any]:
    """All visits of a day at the admin's clinics, by doctor and status, live; so many a page."""
    chosen = day or clock.today(actor.time_zone)
    visits = await queries.list_day(actor, chosen, doctor_id=doctor_id, status=status)
    visits = sorted(visits, key=lambda one: not one.is_live)  # what is over comes last, on the last page too
    return page(
        "appointments/clinic.html",
        **around(chosen),
        visits=visits[skip : skip + A_DAYS_PAGE],
        total=len(visits),
        skip=skip,
        limit=A_DAYS_PAGE,
        next_id=None,
        doctors=await queries.list_doctors(actor),
        doctor_id=doctor_id,
        status_filter=status,
        statuses=list(AppointmentStatus),
        live_topics=[f"clinic:{clinic_id}" for clinic_id in actor.clinic_ids[:20]],
        **shown(actor),
    )


handlers = [
    home, list_visits, visit, calendar, ask_cancel, cancel, confirm, check_in,
    start, no_show, clinic_day,
]  # fmt: skip
