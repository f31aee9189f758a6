"""The confirm pages: one time, or the next place of a session; JavaScript is not needed."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response
from msgspec import Struct

from portal.accounts.schemas import Actor, Role
from portal.appointments.policy import moves_now
from portal.appointments.queries import get_appointment, list_doctors
from portal.appointments.schemas import AppointmentType
from portal.booking import actions, queries, refusals
from portal.booking.schemas import BookingForm, JoinForm, NewAppointment, NewTime, NowForm, SlotOffer, StaffForm
from portal.errors import Conflict, FieldError, Invalid
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.render import page, redirect
from portal.web.types import Id, Line

PATIENT = roles(Role.PATIENT)
STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
BOOKERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
S = TypeVar("S", bound=Struct)


@get("/slots/{slot_id:uuid}/book", access=PATIENT)
async def confirm_slot(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    """The last step before a booking; a time that is gone leads to others."""
    offer = await queries.offer_slot(actor, slot_id)
    if offer.own_appointment_id:
        return redirect(f"/appointments/{offer.own_appointment_id}")
    if offer.refusal:
        return await gone_page(actor, offer, offer.refusal, 200)
    return slot_page(request, actor, offer, Form.empty(first_type(offer.service_type)))


def first_type(service_type: str) -> dict[str, str]:
    return {} if service_type == "BOTH" else {"appointment_type": service_type}


def slot_page(request: Request, actor: Actor, offer: SlotOffer, form: Form[Any], status: int = 200) -> Response[Any]:
    hold_seconds = int(request.app.state.settings.hold_seconds)
    return page("booking/book.html", status=status, offer=offer, form=form, hold_seconds=hold_seconds)


async def gone_page(actor: Actor, offer: SlotOffer, code: str, status: int) -> Response[Any]:
    """A time that cannot be booked, and what can be instead."""
    kind = offer.service_type if offer.service_type != "BOTH" else "IN_PERSON"
    others = await refusals.alternatives(offer.doctor_id, None, kind)
    text = _(refusals.TEXTS[code])
    return page("booking/gone.html", status=status, offer=offer, code=code, text=text, others=others)


@post("/slots/{slot_id:uuid}/book", access=PATIENT, status_code=200)
async def book_slot(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    form = asked(await read_form(request, BookingForm))
    if form.data is None:
        return slot_page(request, actor, await queries.offer_slot(actor, slot_id), form, 422)
    wanted = NewAppointment(slot_id=slot_id, **kept(form.data))
    try:
        return await book(request, actor, wanted)
    except Conflict as conflict:
        if conflict.extra.get("appointment_id"):
            return redirect(f"/appointments/{conflict.extra['appointment_id']}")
        return await gone_page(actor, await queries.offer_slot(actor, slot_id), conflict.code, 409)


def asked(form: Form[S]) -> Form[S]:
    """The question that was left open, in the words of its page."""
    text = _("Choose how you want to meet.")
    errors = [FieldError(one.field, text) if one.field == "appointment_type" else one for one in form.errors]
    return replace(form, errors=errors)


def kept(form: BookingForm) -> dict[str, Any]:
    return {"appointment_type": form.appointment_type, "chief_complaint": form.chief_complaint}


async def book(request: Request, actor: Actor, wanted: NewAppointment) -> Response[Any]:
    visit = await actions.book(actor, wanted, request.app.state.settings.horizon_days)
    return redirect(f"/appointments/{visit.id}", flash=_("Your visit is booked."))


@get("/sessions/{session_id:uuid}/join", access=PATIENT)
async def confirm_place(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], day: Annotated[date, QueryParameter(name="date")]
) -> Response[Any]:
    """The next place in the queue of a session, before joining."""
    offer = await queries.offer_place(actor, session_id, day)
    if offer.own_appointment_id:
        return redirect(f"/appointments/{offer.own_appointment_id}")
    form: Form[Any] = Form.empty(first_type(offer.service_type))
    return await place_page(actor, session_id, day, form)


async def place_page(
    actor: Actor, session_id: UUID, day: date, form: Form[Any], status: int = 200, refused: str = ""
) -> Response[Any]:
    offer = await queries.offer_place(actor, session_id, day)
    kind = AppointmentType.VIRTUAL if offer.service_type == "VIRTUAL" else AppointmentType.IN_PERSON
    others = [] if offer.position else await refusals.alternatives(offer.doctor_id, None, kind)
    return page(
        "booking/join.html",
        status=status,
        offer=offer,
        form=form,
        refused=refused,
        others=others,
    )


@post("/sessions/{session_id:uuid}/join", access=PATIENT, status_code=200)
async def join(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    form = asked(await read_form(request, JoinForm))
    if form.data is None:
        if any(one.field == "date" for one in form.errors):  # hidden in the form: there is no day to show it on
            raise Invalid(form.errors)
        return await place_page(actor, session_id, date.fromisoformat(form.value("date")), form, 422)
    wanted = NewAppointment(session_id=session_id, date=form.data.date, **kept(form.data))
    try:
        return await book(request, actor, wanted)
    except Conflict as conflict:
        if conflict.extra.get("appointment_id"):
            return redirect(f"/appointments/{conflict.extra['appointment_id']}")
        return await place_page(actor, session_id, form.data.date, form, 409, conflict.detail)


@get("/appointments/{appointment_id:uuid}/reschedule", access=BOOKERS)
async def choose_other_time(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """The doctor's next free times, to move a visit to."""
    return await times_page(actor, appointment_id)


async def times_page(actor: Actor, appointment_id: UUID, status: int = 200, refused: str = "") -> Response[Any]:
    visit = await get_appointment(actor, appointment_id)
    if "reschedule" not in moves_now(actor, visit):
        return redirect(f"/appointments/{appointment_id}", flash=_("This visit can no longer be moved."))
    times = await refusals.next_times(visit.doctor_id, visit.appointment_type, visit.clinic_id)
    return page("booking/reschedule.html", status=status, visit=visit, times=times, refused=refused)


@post("/appointments/{appointment_id:uuid}/reschedule", access=BOOKERS, status_code=200)
async def reschedule(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, NewTime)
    if form.data is None:
        return await times_page(actor, appointment_id, 422, _("Choose a time."))
    try:
        visit = await actions.reschedule(actor, appointment_id, form.data.slot_id)
    except Conflict as conflict:
        return await times_page(actor, appointment_id, 409, conflict.detail)
    return redirect(f"/appointments/{visit.id}", flash=_("The visit has moved to its new time."))


# The first doctor who is free now


@get("/first-available", access=PATIENT)
async def first_available() -> Response[Any]:
    """Specialties with how many doctors are free now; one press and the visit begins."""
    return await now_page(Form.empty())


async def now_page(form: Form[Any], status: int = 200, refused: str = "") -> Response[Any]:
    """Where nobody is free: the next times, and the waitlist."""
    found = (await queries.free_now()).specialties
    wanted = next((one for one in found if str(one.specialty_id) == form.value("specialty_id")), None)
    others = await refusals.alternatives(None, wanted.specialty_id, "VIRTUAL") if refused and wanted else []
    return page(
        "booking/now.html", status=status, form=form, specialties=found, wanted=wanted, refused=refused, others=others
    )


@post("/first-available", access=PATIENT, status_code=200)
async def see_one_now(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NowForm)
    if form.data is None:
        return await now_page(form, 422)
    wanted = NewAppointment(
        specialty_id=form.data.specialty_id,
        mode="FIRST_AVAILABLE",
        appointment_type=AppointmentType.VIRTUAL,
        chief_complaint=form.data.chief_complaint,
    )
    try:
        return await book(request, actor, wanted)
    except Conflict as conflict:
        return await now_page(form, 409, conflict.detail)


# At the desk, for a patient


@get("/book", access=STAFF)
async def book_for(
    actor: NamedDependency[Actor],
    q: FromQuery[Annotated[str, Line(100, 0)] | None] = None,
    patient_id: FromQuery[Id | None] = None,
    doctor_id: FromQuery[Id | None] = None,
    kind: FromQuery[AppointmentType] = AppointmentType.IN_PERSON,
) -> Response[Any]:
    """Who, with whom, when: a page that grows with each answer."""
    return await desk_page(actor, q or "", patient_id, doctor_id, kind)


async def desk_page(
    actor: Actor,
    q: str,
    patient_id: UUID | None,
    doctor_id: UUID | None,
    kind: AppointmentType,
    form: Form[Any] | None = None,
    status: int = 200,
    refused: str = "",
) -> Response[Any]:
    found = await queries.find_candidates(actor, q) if q.strip() else []
    is_doctor = actor.role is Role.DOCTOR
    doctors = [] if is_doctor else await list_doctors(actor)
    chosen = actor.id if is_doctor else doctor_id if doctor_id in {one for one, _name in doctors} else None
    return page(
        "booking/desk.html",
        status=status,
        q=q,
        found=found,
        patient=next((one for one in found if one.id == patient_id), None),
        doctors=doctors,
        doctor_id=chosen,
        kind=kind,
        times=await queries.staff_times(actor, chosen, kind) if chosen and patient_id else [],
        form=form or Form.empty(),
        refused=refused,
    )


@post("/book", access=STAFF, status_code=200)
async def book_for_patient(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, StaffForm)
    if form.data is None:
        raise Invalid(form.errors)  # the form has no field that a person could fill in wrongly
    given = form.data
    wanted = NewAppointment(slot_id=given.slot_id, patient_id=given.patient_id, **kept(given))
    try:
        return await book(request, actor, wanted)
    except Conflict as conflict:
        kind, q = given.appointment_type, given.q or ""
        return await desk_page(actor, q, given.patient_id, given.doctor_id, kind, form, 409, conflict.detail)


handlers = [
    confirm_slot, book_slot, confirm_place, join, choose_other_time, reschedule, first_available, see_one_now, book_for,
    book_for_patient,
]  # fmt: skip
