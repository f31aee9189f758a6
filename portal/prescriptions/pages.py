"""Prescriptions for people: what one has, the code to show, where to send it; and for anybody, whether one is genuine."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, Invalid
from portal.pharmacies.queries import pharmacies, pharmacy
from portal.pharmacies.schemas import Pharmacy
from portal.prescriptions import actions, queries, readings
from portal.prescriptions.numbers import code_path
from portal.prescriptions.schemas import Cancelling, Sending
from portal.prescriptions.words import amount_words, directions
from portal.web import limits
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, roles
from portal.web.i18n import _
from portal.web.places import Near, Point, read_point
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Line

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
PARTIES = roles(Role.PATIENT, Role.DOCTOR)
ONE = "/prescriptions/{prescription_id:uuid}"
A_PAGE = 20
WITHIN_KM = 100.0
TRIES = limits.Rule("rx", 40, 60)
Words = FromQuery[Annotated[str, Line(100)] | None]


def shown() -> dict[str, Any]:
    """What every template of prescriptions writes amounts and directions with."""
    return {"amount": amount_words, "directions": directions, "code_path": code_path}


def pdf_response(content: bytes) -> Response[bytes]:
    headers = {"Content-Disposition": 'inline; filename="prescription.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


async def count_tries(request: Request) -> None:
    """Whoever tries code after code is stopped: a person at a counter types a few a minute."""
    await limits.spend(TRIES, request.client.host if request.client else "")


@get("/prescriptions", access=PARTIES)
async def own_list(actor: NamedDependency[Actor], skip: Skip = 0) -> Response[Any]:
    """The patient's own, or those that the doctor issued, latest first, live."""
    found = await queries.list_prescriptions(actor, skip=skip, limit=A_PAGE)
    return page("prescriptions/list.html", found=found, live_topics=[f"user:{actor.id}"], **shown())


@get("/appointments/{appointment_id:uuid}/prescriptions", access=PARTIES)
async def of_visit(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """The prescriptions of one visit, for the visit's page."""
    found = await queries.of_appointment(actor, appointment_id, limit=A_PAGE)
    return page("prescriptions/_of_visit.html", found=found.prescriptions, appointment_id=appointment_id, **shown())


@get(ONE, access=PARTIES)
async def detail(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    """One prescription with its code, what became of it, and what can be done with it now."""
    return await detail_page(actor, prescription_id)


async def detail_page(
    actor: Actor, prescription_id: UUID, *, form: Form[Any] | None = None, status: int = 200
) -> Response[Any]:
    found = await queries.get_prescription(actor, prescription_id)
    history = await queries.history_of(prescription_id)
    return page(
        "prescriptions/detail.html",
        status=status,
        rx=found,
        history=history.history,
        requests=await readings.requests_of(prescription_id),
        form=form or Form.empty(),
        live_topics=[f"user:{actor.id}"],
        **shown(),
    )


@get(ONE + "/pdf", access=PARTIES, media_type="application/pdf")
async def pdf(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[bytes]:
    return pdf_response(await queries.paper(actor, prescription_id))


@get(ONE + "/send", access=PATIENT)
async def ask_send(
    actor: NamedDependency[Actor], prescription_id: FromPath[UUID], q: Words = None, near: FromQuery[Near | None] = None
) -> Response[Any]:
    """Pharmacies to choose from: that of last time, the nearest to a place, or by name and town."""
    return await send_page(actor, prescription_id, q, read_point(near) if near else None)


async def send_page(
    actor: Actor, prescription_id: UUID, q: str | None, near: Point | None, refused: str = "", status: int = 200
) -> Response[Any]:
    found = await queries.get_prescription(actor, prescription_id)
    near = near or await readings.place_of(found.clinic_id)
    listed = await pharmacies(q=q, near=near, within_km=None if q else WITHIN_KM, limit=A_PAGE)
    last = await last_of(actor) if not q else None
    return page(
        "prescriptions/send.html",
        status=status,
        rx=found,
        q=q or "",
        last=last,
        listed=[one for one in listed.pharmacies if last is None or one.id != last.id],
        stock=await readings.stock_for(found, [one.id for one in [*listed.pharmacies, *filter(None, [last])]]),
        refused=refused,
        **shown(),
    )


async def last_of(actor: Actor) -> Pharmacy | None:
    chosen = await readings.last_pharmacy(actor)
    return await pharmacy(chosen) if chosen else None


@post(ONE + "/send", access=PATIENT, status_code=200)
async def send(request: Request, actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Sending)
    if form.data is None:
        return await send_page(actor, prescription_id, None, None, form.errors[0].message, 422)
    try:
        found = await actions.send(actor, prescription_id, form.data.pharmacy_id)
    except (Invalid, Conflict) as refused:
        words = form.refused(refused).errors[0].message
        return await send_page(actor, prescription_id, None, None, words, refused.status)
    return redirect(
        f"/prescriptions/{prescription_id}",
        flash=_("Sent to %(name)s. They can see it now.", name=found.pharmacy_name or ""),
    )


@get(ONE + "/cancel", access=DOCTOR)
async def ask_cancel(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    return await cancel_page(actor, prescription_id, Form.empty())


async def cancel_page(actor: Actor, prescription_id: UUID, form: Form[Any], status: int = 200) -> Response[Any]:
    found = await queries.get_prescription(actor, prescription_id)
    return page("prescriptions/cancel.html", status=status, rx=found, form=form, **shown())


@post(ONE + "/cancel", access=DOCTOR, status_code=200)
async def cancel(request: Request, actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Cancelling)
    if form.data is None:
        return await cancel_page(actor, prescription_id, form, 422)
    try:
        await actions.cancel(actor, prescription_id, form.data.reason)
    except Conflict as conflict:
        return await cancel_page(actor, prescription_id, form.refused(conflict), 409)
    return redirect(f"/prescriptions/{prescription_id}", flash=_("The prescription is cancelled."))


# For anybody who holds the paper


@get("/rx", access=PUBLIC)
async def ask_code(request: Request, code: Words = None) -> Response[Any]:
    """A code to type, as it stands on the paper, and what we know of it."""
    if code:
        await count_tries(request)
    return page(
        "prescriptions/verify.html", code=code or "", found=await queries.verify(code) if code else None, **shown()
    )


@get("/rx/{code:str}", access=PUBLIC)
async def verify(request: Request, code: FromPath[str]) -> Response[Any]:
    """Where the QR code leads: genuine or not, its dates and what is left; nobody's name."""
    await count_tries(request)
    return page("prescriptions/verify.html", code="", found=await queries.verify(code), **shown())


handlers = [own_list, of_visit, detail, pdf, ask_send, send, ask_cancel, cancel, ask_code, verify]
