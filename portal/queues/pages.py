"""The doctor's day, the front desk, and the patient's wait."""

from datetime import date
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.appointments import actions as appointments
from portal.appointments import policy as visits_policy
from portal.appointments.pages import around, shown
from portal.appointments.queries import get_appointment, list_day, parties_of
from portal.appointments.schemas import BackForm
from portal.clinics.queries import own_clinics
from portal.clinics.schemas import chosen_clinic
from portal.errors import Conflict, Invalid, NotFound
from portal.people.queries import find_patients
from portal.queues import actions, policy, queries
from portal.queues.schemas import (
    Board,
    CallForm,
    CallNext,
    CompletionForm,
    Delay,
    DelayForm,
    QueueVisit,
    WalkInForm,
)
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.hosts import safe_next
from portal.web.i18n import _
from portal.web.render import page, redirect
from portal.web.types import Id, Line

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
ADMIN = roles(Role.CLINIC_ADMIN)
STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
ONE = "/appointments/{appointment_id:uuid}"
QUEUE = "/sessions/{session_id:uuid}/queue"
TOPICS = 20  # of one stream
Day = Annotated[date | None, QueryParameter(name="date")]
Sought = FromQuery[Annotated[str, Line(100)] | None]


# The doctor's day


@get("/today", access=DOCTOR)
async def today(actor: NamedDependency[Actor], day: Day = None) -> Response[Any]:
    """The doctor's sessions of one day as boards, and the visits outside them, live."""
    return await day_page(actor, day)


async def day_page(
    actor: Actor, day: date | None, *, status: int = 200, refused: str = "", typed: dict[str, str] | None = None
) -> Response[Any]:
    present = clock.today(actor.time_zone)
    chosen = day or present
    boards = await queries.read_boards(actor, chosen)
    loose = policy.outside(await list_day(actor, chosen, audited=True), boards)
    return page(
        "queues/today.html",
        status=status,
        **around(chosen),
        today=present,
        boards=boards,
        at_hand=policy.at_hand(boards),
        loose=loose,
        next_id=visits_policy.next_of_day(loose),
        refused=refused,
        typed=typed,
        live_topics=topics_of(f"user:{actor.id}", boards),
        **shown(actor),
    )


def topics_of(first: str, boards: list[Board]) -> list[str]:
    return [first, *(f"queue:{board.session_id}:{board.date}" for board in boards)][:TOPICS]


# The front desk


@get("/clinic/desk", access=ADMIN)
async def desk(actor: NamedDependency[Actor], clinic: FromQuery[UUID | None] = None, q: Sought = None) -> Response[Any]:
    """Who is here, and today's queues of all doctors of a clinic, live."""
    return await desk_page(actor, clinic, q)


async def desk_page(
    actor: Actor, wanted: UUID | None, q: str | None, *, status: int = 200, refused: str = "", typed: Any = None
) -> Response[Any]:
    chosen = chosen_clinic(actor, wanted)
    if chosen is None:
        return redirect("/clinic/new")
    clinics = await own_clinics(actor)
    boards = [board for board in await queries.read_boards(actor) if board.clinic_id == chosen]
    patients = (await find_patients(actor, q)).patients if q else []
    return page(
        "queues/desk.html",
        status=status,
        clinic={"id": chosen, "name": dict(clinics).get(chosen, "")},
        clinics=clinics,
        boards=boards,
        at_hand=policy.at_hand(boards),
        q=q or "",
        found=[(one, visits_of(boards, one.id)) for one in patients],
        refused=refused,
        typed=typed,
        live_topics=topics_of(f"clinic:{chosen}", boards),
        **shown(actor),
    )


def visits_of(boards: list[Board], patient_id: UUID) -> list[tuple[Board, QueueVisit]]:
    return [(board, one) for board in boards for one in board.visits if one.patient_id == patient_id]


async def board_again(actor: Actor, back: str | None, **more: Any) -> Response[Any]:
    """The board from which a step was refused, with the reason on it."""
    asked = dict(parse_qsl(urlsplit(back or "").query))
    if actor.role is Role.DOCTOR:
        return await day_page(actor, day_of(asked.get("date", "")), **more)
    clinic = next((one for one in actor.clinic_ids if str(one) == asked.get("clinic")), None)
    return await desk_page(actor, clinic, asked.get("q", "")[:100], **more)


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def back_of(actor: Actor, clinic_id: UUID | None = None) -> str:
    """Where the actor's boards are."""
    if actor.role is Role.DOCTOR:
        return "/today"
    return f"/clinic/desk?clinic={clinic_id}" if clinic_id else "/clinic/desk"


def messages(form: Form) -> str:
    return " ".join(error.message for error in form.errors)


# Steps


@post(QUEUE + "/call-next", access=STAFF, status_code=200)
async def call_next(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, CallForm)
    if form.data is None:
        raise Invalid(form.errors)
    try:
        await actions.call_next(actor, session_id, CallNext(date=form.data.date))
    except Conflict as conflict:
        return await board_again(actor, form.data.next, status=conflict.status, refused=conflict.detail)
    return redirect(safe_next(form.data.next or "", back_of(actor)))


@post(ONE + "/missed-call", access=STAFF, status_code=200)
async def missed_call(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, BackForm)
    try:
        await actions.note_missed_call(actor, appointment_id)
    except Conflict as conflict:
        return await board_again(actor, form.value("next"), status=conflict.status, refused=conflict.detail)
    return redirect(safe_next(form.value("next"), back_of(actor)))


@post(QUEUE + "/delay", access=STAFF, status_code=200)
async def delay(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, DelayForm)
    typed = {"form": "delay", "session_id": str(session_id), "delay_minutes": form.value("delay_minutes")}
    if form.data is None:
        return await board_again(actor, form.value("next"), status=422, refused=messages(form), typed=typed)
    try:
        await actions.announce_delay(
            actor, session_id, Delay(date=form.data.date, delay_minutes=form.data.delay_minutes)
        )
    except Conflict as conflict:
        return await board_again(actor, form.data.next, status=conflict.status, refused=conflict.detail, typed=typed)
    return redirect(safe_next(form.data.next or "", back_of(actor)))


@post(ONE + "/complete", access=DOCTOR, status_code=200)
async def complete(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """End the visit, with notes and the times on the clock of its place; what was typed is never lost."""
    form = await read_form(request, CompletionForm)
    try:
        if form.data is None:
            raise Invalid(form.errors)
        visit = await parties_of(actor, appointment_id)
        completion = form.data.completion(visit.date, visit.time_zone)
        await appointments.move(actor, appointment_id, "complete", completion=completion)
    except (Invalid, Conflict) as refused:
        texts = messages(form.refused(refused)) if form.data else messages(form)
        typed = {name: form.value(name) for name in ("doctor_notes", "began", "ended")}
        typed |= {"form": "complete", "appointment_id": str(appointment_id)}
        return await board_again(actor, form.value("next"), status=refused.status, refused=texts, typed=typed)
    return redirect(safe_next(form.value("next"), f"/appointments/{appointment_id}"))


# Somebody without a booking


@get("/walk-in", access=STAFF)
async def walk_in(
    actor: NamedDependency[Actor],
    session_id: FromQuery[Id | None] = None,
    clinic: FromQuery[Id | None] = None,
    patient_id: FromQuery[Id | None] = None,
    q: Sought = None,
) -> Response[Any]:
    """Find somebody who has been here before, or enter a new name: on the way in within seconds."""
    return await walk_in_page(actor, session_id, clinic=clinic, patient_id=patient_id, q=q)


async def walk_in_page(
    actor: Actor,
    session_id: UUID | None,
    *,
    clinic: UUID | None = None,
    patient_id: UUID | None = None,
    q: str | None = None,
    form: Form | None = None,
    status: int = 200,
) -> Response[Any]:
    lines = [one for one in await queries.list_queues(actor) if clinic in (None, one.clinic_id)]
    found = (await find_patients(actor, q)).patients if q else []
    first, _space, last = ("" if found else q or "").partition(" ")
    chosen = session_id or policy.likely(lines, clock.now())
    return page(
        "queues/walk_in.html",
        status=status,
        lines=lines,
        session_id=chosen,
        clinic_id=clinic,
        patient_id=patient_id,
        q=q or "",
        found=found,
        form=form or Form.empty({"first_name": first, "last_name": last, "session_id": chosen}),
        back=back_of(actor, clinic),
    )


@post("/walk-in", access=STAFF, status_code=200)
async def take_in(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, WalkInForm)
    if form.data is None:
        return await walk_in_page(actor, None, form=form, status=422)
    line = next((one for one in await queries.list_queues(actor) if one.session_id == form.data.session_id), None)
    if line is None:
        raise NotFound
    try:
        taken = await actions.add_walk_in(actor, line.session_id, form.data.walk_in(line.date))
    except (Invalid, Conflict) as refused:
        again = form.refused(refused)
        return await walk_in_page(actor, line.session_id, form=again, status=refused.status)
    words = _("%(name)s has number %(number)s.", name=taken.patient_name, number=taken.queue_position)
    return redirect(back_of(actor, line.clinic_id), flash=words)


# The patient's wait


@get(ONE + "/wait", access=PATIENT)
async def wait(
    actor: NamedDependency[Actor],
    appointment_id: FromPath[UUID],
    travel: Annotated[int | None, QueryParameter(ge=0, le=600, description="Minutes of the way")] = None,
) -> Response[Any]:
    """One number to look at and trust: the place, the range, and when to leave home."""
    place = await queries.read_place(actor, appointment_id, travel)
    visit = await get_appointment(actor, appointment_id)
    topics = [f"appointment:{appointment_id}"]
    if place.session_id and visit.is_live:
        topics.append(f"queue:{place.session_id}:{place.date}")
    here = f"/appointments/{appointment_id}/wait" + (f"?travel={travel}" if travel else "")
    today = clock.today(place.time_zone)
    return page("queues/wait.html", place=place, visit=visit, today=today, here=here, live_topics=topics)


handlers: list[Any] = [today, desk, call_next, missed_call, delay, complete, walk_in, take_in, wait]
