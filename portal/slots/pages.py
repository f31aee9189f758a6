"""The doctor's page with the live week, and keeping a time from it."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, NotFound
from portal.slots import actions, calendar, queries
from portal.slots.events import slots_topic
from portal.web.flashes import flash
from portal.web.guards import PUBLIC, roles
from portal.web.i18n import _
from portal.web.render import page, redirect

PATIENT = roles(Role.PATIENT)
FirstDay = Annotated[date | None, QueryParameter(name="week", description="First of the seven days")]


@get("/doctors/{doctor_id:uuid}", access=PUBLIC)
async def doctor(
    request: Request, doctor_id: FromPath[UUID], viewer: NamedDependency[Actor | None], week: FirstDay = None
) -> Response[Any]:
    return await week_page(request, viewer, doctor_id, week)


@get("/slots/{slot_id:uuid}/hold", access=PATIENT)
async def confirm_hold(actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    """After the login: the time that was pressed before it."""
    slot = await queries.get_slot(actor, slot_id)
    return page("slots/hold.html", slot=slot, doctor=await queries.get_doctor_card(actor, slot.doctor_id))


@post("/slots/{slot_id:uuid}/hold", access=PATIENT, status_code=200)
async def hold(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    try:
        await actions.hold_slot(actor, slot_id, request.app.state.settings.hold_seconds)
    except Conflict as refusal:
        slot = await queries.get_slot(actor, slot_id)
        refused = {"refusal": refusal, "others": await queries.next_free(slot.doctor_id, slot.start)}
        return await week_page(request, actor, slot.doctor_id, slot.date, **refused)
    return redirect(f"/slots/{slot_id}/book")


@post("/slots/{slot_id:uuid}/release", access=PATIENT, status_code=200)
async def release(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    """Giving back twice, or after the end, is no mistake of the patient's."""
    slot = await queries.get_slot(actor, slot_id)
    try:
        await actions.release_slot(actor, slot_id)
    except NotFound:
        flash(request, _("You were not keeping this time any more."))
    else:
        flash(request, _("The time is free again."))
    return redirect(f"/doctors/{slot.doctor_id}?week={slot.date}")


async def week_page(
    request: Request,
    viewer: Actor | None,
    doctor_id: UUID,
    first: date | None,
    refusal: Conflict | None = None,
    **more: Any,
) -> Response[Any]:
    """The whole page in two statements; a refusal stands above the grid as it is now."""
    settings = request.app.state.settings
    card = await queries.get_doctor_card(viewer, doctor_id)
    found = await actions.look_at_week(viewer, doctor_id, first, settings.horizon_days)
    week = calendar.week_of(found, max(first or found.today, found.today), viewer.time_zone if viewer else None)
    return page(
        "slots/doctor.html",
        status=refusal.status if refusal else 200,
        doctor=card,
        week=week,
        week_path=f"/doctors/{doctor_id}",
        holds=found.holds,
        next_free=found.next_free,
        hold_seconds=settings.hold_seconds,
        live_topics=[slots_topic(doctor_id, day["date"]) for day in week.days],
        refusal=refusal,
        **{"others": [], **more},
    )


handlers = [doctor, confirm_hold, hold, release]
