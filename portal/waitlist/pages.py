"""The waitlist for people: what one waits for, and the time that is kept, with how long it is kept."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, DomainError, Invalid
from portal.waitlist import actions, queries
from portal.waitlist.schemas import OFFER_SECONDS, Acceptance, NewEntry
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Id

PATIENT = roles(Role.PATIENT)
OFFER = "/waitlist/offers/{offer_id:uuid}"


@get("/waitlist", access=PATIENT)
async def waitlist(actor: NamedDependency[Actor], skip: Skip = 0) -> Response[Any]:
    """What one waits for, live."""
    found = await queries.list_entries(actor, skip)
    return page("waitlist/list.html", found=found, total_seconds=int(OFFER_SECONDS), live_topics=[f"user:{actor.id}"])


@get("/waitlist/new", access=PATIENT)
async def ask_join(
    actor: NamedDependency[Actor],
    doctor_id: FromQuery[Id | None] = None,
    specialty_id: FromQuery[Id | None] = None,
) -> Response[Any]:
    """For which days, and which kind of visit."""
    today = clock.today(actor.time_zone)
    values = {"from": today, "to": today + timedelta(days=28), "service_type": "BOTH"}
    return await join_page(Form.empty({**values, "doctor_id": doctor_id, "specialty_id": specialty_id}))


async def join_page(form: Form[Any], status: int = 200) -> Response[Any]:
    if form.error("doctor_id") or form.error("specialty_id"):  # not what a page of ours has sent
        return page("waitlist/join.html", status=status, form=form, name="", doctor_id=None)
    doctor_id, specialty_id = id_of(form, "doctor_id"), id_of(form, "specialty_id")
    name = await queries.name_of_wish(doctor_id, specialty_id)
    return page("waitlist/join.html", status=status, form=form, name=name, doctor_id=doctor_id)


def id_of(form: Form[Any], name: str) -> UUID | None:
    try:
        return UUID(form.value(name))
    except ValueError:
        return None


@post("/waitlist/new", access=PATIENT, status_code=200)
async def join(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, NewEntry)
    if form.data is None:
        return await join_page(form, 422)
    try:
        await actions.join(actor, form.data)
    except (Invalid, Conflict) as refused:
        return await join_page(form.refused(refused), refused.status)
    flash(request, _("You are on the list. We tell you as soon as a time becomes free."))
    return redirect("/waitlist")


@post("/waitlist/{entry_id:uuid}/leave", access=PATIENT, status_code=200)
async def leave(request: Request, actor: NamedDependency[Actor], entry_id: FromPath[UUID]) -> Response[Any]:
    await actions.leave(actor, entry_id)
    flash(request, _("You are no longer on this list."))
    return redirect("/waitlist")


@get(OFFER, access=PATIENT)
async def offer(actor: NamedDependency[Actor], offer_id: FromPath[UUID]) -> Response[Any]:
    return await offer_page(actor, offer_id, Form.empty())


async def offer_page(
    actor: Actor, offer_id: UUID, form: Form[Any], status: int = 200, refused: DomainError | None = None
) -> Response[Any]:
    """The time that is kept, with its two answers; or what became of it."""
    found = await queries.get_offer(actor, offer_id)
    if found.appointment_id:
        return redirect(f"/appointments/{found.appointment_id}")
    return page(
        "waitlist/offer.html",
        status=status,
        offer=found,
        form=form,
        refused=refused.detail if refused else "",
        total_seconds=int(OFFER_SECONDS),
    )


@post(OFFER + "/accept", access=PATIENT, status_code=200)
async def accept(request: Request, actor: NamedDependency[Actor], offer_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Acceptance)
    if form.data is None:
        return await offer_page(actor, offer_id, form, 422)
    try:
        visit = await actions.accept(actor, offer_id, form.data)
    except Invalid as refused:
        return await offer_page(actor, offer_id, form.refused(refused), 422)
    except Conflict as conflict:
        return await offer_page(actor, offer_id, form, 409, conflict)
    return redirect(f"/appointments/{visit.id}", flash=_("Your visit is booked."))


@post(OFFER + "/decline", access=PATIENT, status_code=200)
async def decline(request: Request, actor: NamedDependency[Actor], offer_id: FromPath[UUID]) -> Response[Any]:
    try:
        await actions.decline(actor, offer_id)
    except Conflict as conflict:
        return await offer_page(actor, offer_id, Form.empty(), 409, conflict)
    flash(request, _("The time goes to the next on the list. You stay on it for other times."))
    return redirect("/waitlist")


handlers = [waitlist, ask_join, join, leave, offer, accept, decline]
