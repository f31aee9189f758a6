"""Needs attention: who is affected when a day breaks, what each is offered, and the page on which a patient chooses."""

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response
from msgspec import structs

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.appointments.events import topics_for
from portal.appointments.policy import moves_now
from portal.appointments.queries import get_appointment
from portal.appointments.schemas import BackForm
from portal.errors import Conflict, Invalid
from portal.repairs import actions, queries
from portal.repairs.schemas import (
    AffectedFilter,
    NewRepairs,
    OutcomeKind,
    RepairForm,
    RepairKind,
    RepairsForm,
)
from portal.web.flashes import flash
from portal.web.forms import read_form
from portal.web.guards import roles
from portal.web.hosts import safe_next
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Id

STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
PATIENT = roles(Role.PATIENT)
PARTIES = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
VISIT = "/appointments/{appointment_id:uuid}"
Delay = Annotated[int | None, QueryParameter(name="delay", ge=0, le=600, description="How late the doctor is")]
First = Annotated[date | None, QueryParameter(name="from", description="First date")]
Last = Annotated[date | None, QueryParameter(name="to", description="Last date")]
Day = Annotated[date | None, QueryParameter(name="date", description="The date of the session")]


def filters(wanted: AffectedFilter) -> dict[str, str]:
    """Which visits are meant, as the fields of a form."""
    named = structs.asdict(wanted)
    kept = {name: named[name] for name in AffectedFilter.__struct_fields__ if named[name] is not None}
    return {name.rstrip("_"): str(value) for name, value in kept.items()}


def home_of(wanted: AffectedFilter) -> str:
    """The list from which these visits were chosen."""
    if wanted.session_id:
        delay = f"&delay={wanted.delay_minutes}" if wanted.delay_minutes is not None else ""
        return f"/sessions/{wanted.session_id}/repair?date={wanted.date}{delay}"
    return "/attention" + ("?" + urlencode(filters(wanted)) if filters(wanted) else "")


async def list_page(actor: Actor, wanted: AffectedFilter, skip: int) -> Response[Any]:
    found = await queries.affected(actor, wanted, skip=skip)
    topics = [f"user:{actor.id}", *(f"clinic:{one}" for one in actor.clinic_ids[:20])]
    return page(
        "repairs/attention.html", found=found, wanted=wanted, filters=filters(wanted), here=home_of(wanted),
        now=clock.now(), live_topics=topics if actor.role is Role.CLINIC_ADMIN else topics[:1],
    )  # fmt: skip


@get("/attention", access=STAFF)
async def attention(
    actor: NamedDependency[Actor], doctor_id: FromQuery[Id | None] = None, first: First = None, last: Last = None,
    skip: Skip = 0,
) -> Response[Any]:  # fmt: skip
    """All visits that a changed schedule or a delay has left behind."""
    return await list_page(actor, AffectedFilter(doctor_id=doctor_id, from_=first, to=last), skip)


@get("/sessions/{session_id:uuid}/repair", access=STAFF)
async def repair_session(
    actor: NamedDependency[Actor], session_id: FromPath[UUID],
    day: Annotated[date, QueryParameter(name="date", description="The date of the session")],
    delay: Delay = None, skip: Skip = 0,
) -> Response[Any]:  # fmt: skip
    """Who of one session on one date is affected, by its change or by a delay."""
    return await list_page(actor, AffectedFilter(session_id=session_id, date=day, delay_minutes=delay), skip)


@get("/attention/all", access=STAFF)
async def preview_all(
    actor: NamedDependency[Actor],
    kind: FromQuery[RepairKind],
    doctor_id: FromQuery[Id | None] = None,
    session_id: FromQuery[Id | None] = None,
    day: Day = None,
    first: First = None,
    last: Last = None,
    delay_minutes: Annotated[int | None, QueryParameter(ge=0, le=600)] = None,
) -> Response[Any]:
    """What each would be offered, before anybody is told."""
    wanted = NewRepairs(
        kind=kind, doctor_id=doctor_id, session_id=session_id, date=day, from_=first, to=last,
        delay_minutes=delay_minutes,
    )  # fmt: skip
    batch = await actions.preview_all(actor, wanted)
    return page("repairs/preview.html", batch=batch, wanted=wanted, filters=filters(wanted), back=home_of(wanted))


@post("/attention/all", access=STAFF, status_code=200)
async def propose_all(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """One batch; the page goes on by itself, or with its button, until everybody has had their turn."""
    form = await read_form(request, RepairsForm)
    if form.data is None:
        raise Invalid(form.errors)
    wanted = form.data
    names = NewRepairs.__struct_fields__
    batch = await actions.propose_all(actor, NewRepairs(**{name: getattr(wanted, name) for name in names}))
    done = wanted.done + len(batch.outcomes)
    return page(
        "repairs/done.html", batch=batch, wanted=wanted, filters=filters(wanted), back=home_of(wanted), done=done,
        total=max(wanted.total, wanted.done + batch.total),
    )  # fmt: skip


@post(VISIT + "/repairs", access=STAFF, status_code=200)
async def propose(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, RepairForm)
    if form.data is None:
        raise Invalid(form.errors)
    back = safe_next(form.data.next or "", "/attention")
    try:
        done = await actions.propose(actor, appointment_id, form.data)
    except Conflict as conflict:
        return redirect(back, flash=conflict.detail)
    told = _("The visit is cancelled.") if done.outcome is OutcomeKind.CANCELLED else _("The patient has been told.")
    return redirect(back, flash=told)


@get(VISIT + "/repair", access=PARTIES)
async def choose(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """What a patient can choose for a visit that cannot be as booked."""
    visit = await get_appointment(actor, appointment_id)
    situation = await queries.situation_of(actor, appointment_id)
    return page(
        "repairs/choose.html", visit=visit, offer=situation.offer, can_be_video=situation.can_be_video,
        moves=moves_now(actor, visit), now=clock.now(), live_topics=topics_for(actor, visit),
    )  # fmt: skip


async def answered(
    request: Request, actor: Actor, repair_id: UUID, answer: Any, text: str, back: str = ""
) -> Response[Any]:
    """After an answer: the visit, or where staff came from; somebody else having been faster is no error page."""
    offer = await queries.get_repair(actor, repair_id)
    try:
        visit = await answer(actor, repair_id)
    except Conflict as conflict:
        return redirect(back or f"/appointments/{offer.appointment_id}/repair", flash=conflict.detail)
    flash(request, text)
    return redirect(back or f"/appointments/{getattr(visit, 'appointment_id', visit.id)}")


async def back_of(request: Request, actor: Actor) -> str:
    """Staff go back to their list."""
    form = await read_form(request, BackForm)
    return "" if actor.role is Role.PATIENT else safe_next(form.value("next"), "/attention")


@post("/repairs/{repair_id:uuid}/accept", access=PARTIES, status_code=200)
async def accept(request: Request, actor: NamedDependency[Actor], repair_id: FromPath[UUID]) -> Response[Any]:
    back = await back_of(request, actor)
    return await answered(request, actor, repair_id, actions.accept, _("The new visit is booked."), back)


@post("/repairs/{repair_id:uuid}/decline", access=PATIENT, status_code=200)
async def decline(request: Request, actor: NamedDependency[Actor], repair_id: FromPath[UUID]) -> Response[Any]:
    offer = await queries.get_repair(actor, repair_id)
    back = f"/appointments/{offer.appointment_id}/repair"
    return await answered(
        request, actor, repair_id, actions.decline, _("The clinic knows that it does not suit."), back
    )


@post("/repairs/{repair_id:uuid}/withdraw", access=STAFF, status_code=200)
async def withdraw(request: Request, actor: NamedDependency[Actor], repair_id: FromPath[UUID]) -> Response[Any]:
    back = await back_of(request, actor)
    return await answered(request, actor, repair_id, actions.withdraw, _("The offer is taken back."), back)


@post(VISIT + "/take-video", access=PATIENT, status_code=200)
async def take_video(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    try:
        await actions.take_video(actor, appointment_id)
    except Conflict as conflict:
        return redirect(f"/appointments/{appointment_id}/repair", flash=conflict.detail)
    return redirect(f"/appointments/{appointment_id}", flash=_("The visit is by video now, at the same time."))


handlers = [
    attention, repair_session, preview_all, propose_all, propose, choose, accept, decline, withdraw, take_video,
]  # fmt: skip
