"""The doctor's page of a visit: the record beside the notes, which save as they are typed."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.appointments import actions as appointments
from portal.appointments.policy import moves_now
from portal.appointments.queries import get_appointment, list_referrals
from portal.appointments.schemas import Appointment
from portal.errors import Conflict, Invalid
from portal.records.queries import record
from portal.video import readings
from portal.video.pages import let_chime_work
from portal.visits import actions, queries
from portal.visits.schemas import Notes, NotesForm
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import fragment, page, redirect

DOCTOR = roles(Role.DOCTOR)
ONE = "/appointments/{appointment_id:uuid}/visit"
A_PAGE = 10
SOON = 900  # seconds before a room opens from which on it stands beside the notes


@get(ONE, access=DOCTOR)
async def visit(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """All that the doctor needs while the patient is there, on one page."""
    return await visit_page(request, actor, appointment_id)


async def visit_page(
    request: Request,
    actor: Actor,
    appointment_id: UUID,
    form: Form[Any] | None = None,
    meanwhile: Notes | None = None,
    status: int = 200,
) -> Response[Any]:
    notes = await queries.read_notes(actor, appointment_id)
    found = await get_appointment(actor, appointment_id)
    now = clock.now()
    door = await room_of(actor, found)
    provider = (door.session.provider if door else None) or request.app.state.settings.video
    if door and provider == "chime":
        let_chime_work(request)
    return page(
        "visits/visit.html",
        status=status,
        room=door,
        provider=provider,
        visit=found,
        now=now,
        today=clock.today(found.time_zone),
        moves=moves_now(actor, found, now),
        record=await record(actor, found.patient_id),
        past=(await queries.read_past(actor, appointment_id)).visits,
        referrals=(await list_referrals(actor, appointment_id)).referrals,
        notes=notes,
        form=form or Form.filled(notes),
        meanwhile=meanwhile,
        live_topics=[f"appointment:{appointment_id}"],
    )


async def room_of(actor: Actor, visit: Appointment) -> readings.Door | None:
    """The video room of a visit, once it is open or soon will be."""
    if visit.video_session_id is None or not visit.is_live:
        return None
    door = await readings.stand_before(actor, visit.video_session_id)
    return door if not door.is_over and (door.is_open or 0 < door.opens_in <= SOON) else None


def beside(form: Form[Any], conflict: Conflict) -> tuple[Form[Any], Notes]:
    """The form after somebody else's change: what was typed, to be saved onto what stands there now."""
    current: Notes = conflict.extra["current"]
    return Form(values={**form.values, "version": str(current.version)}).refused(conflict), current


@post(ONE, access=DOCTOR, status_code=200)
async def save(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, NotesForm)
    if form.data is None:
        return await visit_page(request, actor, appointment_id, form, status=422)
    try:
        await actions.save_notes(actor, appointment_id, form.data.change())
    except Conflict as conflict:
        return await visit_page(request, actor, appointment_id, *beside(form, conflict), status=409)
    return redirect(f"/appointments/{appointment_id}/visit", flash=_("Saved."))


@post(ONE + "/save", access=DOCTOR, status_code=200)
async def save_typed(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """The same while it is being typed: a line that says so, or what stands there now instead."""
    form = await read_form(request, NotesForm)
    if form.data is None:
        raise Invalid(form.errors)
    try:
        notes = await actions.save_notes(actor, appointment_id, form.data.change())
    except Conflict as conflict:
        again, current = beside(form, conflict)
        return fragment("visits/_meanwhile.html", status=409, form=again, meanwhile=current)
    return fragment("visits/_saved.html", notes=notes)


@post(ONE + "/complete", access=DOCTOR, status_code=200)
async def complete(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """Save what is written and end the visit; when the notes cannot be saved, it goes on."""
    here = f"/appointments/{appointment_id}/visit"
    form = await read_form(request, NotesForm)
    if form.data is None:
        return await visit_page(request, actor, appointment_id, form, status=422)
    try:
        await actions.save_notes(actor, appointment_id, form.data.change())
    except Conflict as conflict:
        return await visit_page(request, actor, appointment_id, *beside(form, conflict), status=409)
    try:
        await appointments.move(actor, appointment_id, "complete")
    except Conflict as conflict:
        return redirect(here, flash=conflict.detail)
    return redirect(here, flash=_("The visit is over. The patient can read what you wrote for them."))


@get(ONE + "/history", access=DOCTOR)
async def history(actor: NamedDependency[Actor], appointment_id: FromPath[UUID], skip: Skip = 0) -> Response[Any]:
    """Every version of the notes."""
    found = await queries.read_history(actor, appointment_id, skip, A_PAGE)
    return page("visits/history.html", visit=await get_appointment(actor, appointment_id), found=found)


handlers = [visit, save, save_typed, complete, history]
