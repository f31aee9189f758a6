"""The doctor's page with the live week, keeping a time from it, and the screens for times made by hand."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Response
from markupsafe import Markup

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, Invalid, NotFound
from portal.slots import actions, policy, queries
from portal.slots.events import days_markup, slots_topic
from portal.slots.schemas import BulkForm, SlotChange, Week, Weekday, WeekSeen
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, roles
from portal.web.i18n import _, ngettext
from portal.web.render import format_date, page, redirect

PATIENT = roles(Role.PATIENT)
PLANNERS = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
DoctorId = FromPath[UUID | None]  # None under /schedule: the doctor's own
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
        others = await queries.next_free(slot.doctor_id, slot.start)
        return await week_page(request, actor, slot.doctor_id, slot.date, refusal, others=others)
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
    """The whole page in one statement, and one more for days that nobody has seen as they are now.

    A refusal stands above the grid.
    """
    settings = request.app.state.settings
    found = await actions.look_at_week(viewer, doctor_id, first, settings.horizon_days)
    week = week_of(found, await days_markup(doctor_id, found.days), viewer.time_zone if viewer else None)
    return page(
        "slots/doctor.html",
        status=refusal.status if refusal else 200,
        doctor=found.doctor,
        week=week,
        week_path=f"/doctors/{doctor_id}",
        holds=found.holds,
        next_free=found.next_free,
        hold_seconds=settings.hold_seconds,
        live_topics=[slots_topic(doctor_id, day["date"]) for day in week.days],
        refusal=refusal,
        **{"others": [], **more},
    )


def week_of(found: WeekSeen, columns: Sequence[Markup], viewer_zone: str | None) -> Week:
    """The drawn days of a week, with the weeks before and after as far as slots are made."""
    first = found.first_day
    return Week(
        doctor_id=found.doctor.id,
        days=[
            {"doctor_id": found.doctor.id, "date": day.date, "free": day.free, "markup": markup}
            for day, markup in zip(found.days, columns, strict=True)
        ],
        previous=max(first - timedelta(days=7), found.today) if first > found.today else None,
        next=first + timedelta(days=7) if first + timedelta(days=7) <= found.last_day else None,
        zone=found.zone,
        zone_differs=viewer_zone is not None and not same_clock(found.zone, viewer_zone, first),
    )


def same_clock(one: str, other: str, day: date) -> bool:
    """Whether clocks in two zones show the same on a date."""
    noon = datetime.combine(day, time(12))
    return noon.replace(tzinfo=ZoneInfo(one)).utcoffset() == noon.replace(tzinfo=ZoneInfo(other)).utcoffset()


def under(path: str) -> list[str]:
    """The two addresses of a planning screen: the doctor's own, and for a clinic's admin."""
    return [f"/schedule{path}", f"/clinic/doctors/{{doctor_id:uuid}}/schedule{path}"]


def base_of(doctor_id: UUID | None) -> str:
    """Where the planning screens of a doctor begin; None is the doctor who looks."""
    return "/schedule" if doctor_id is None else f"/clinic/doctors/{doctor_id}/schedule"


def weekday_names() -> list[tuple[Weekday, str]]:
    """The days of the week in the reader's language."""
    return [
        (one, format_date(date(2024, 1, one.iso), style="EEEE")) for one in Weekday
    ]  # a January that began on Monday


async def planning(
    template: str, actor: Actor, doctor_id: UUID | None, *, status: int = 200, **context: Any
) -> Response[Any]:
    doctor = await queries.get_planned_doctor(actor, doctor_id or actor.id)
    base = base_of(doctor_id)
    return page(template, status=status, doctor=doctor, base=base, weekdays=weekday_names(), **context)


@get(under("/times"), access=PLANNERS)
async def times(
    request: Request, actor: NamedDependency[Actor], doctor_id: DoctorId = None,
    day: Annotated[date | None, QueryParameter(name="date")] = None,
) -> Response[Any]:  # fmt: skip
    """The times of one day, to close, open and remove them."""
    shown = day or clock.today(actor.time_zone)
    horizon_days = request.app.state.settings.horizon_days
    doctor = await queries.get_planned_doctor(actor, doctor_id or actor.id)
    found = await actions.look_at_days(actor, doctor.id, shown, shown, horizon_days)
    own = [slot for slot in found.slots if policy.may_manage(actor, doctor.id, slot.clinic_id)]
    before, after = shown - timedelta(days=1), shown + timedelta(days=1)
    return await planning("slots/times.html", actor, doctor_id, day=shown, slots=own, before=before, after=after)


@get(under("/times/new"), access=PLANNERS)
async def new_times(actor: NamedDependency[Actor], doctor_id: DoctorId = None) -> Response[Any]:
    today = clock.today(actor.time_zone)
    values = {"start": "09:00", "end": "12:00", "minutes": 15, "service_type": "VIRTUAL", "from": today, "to": today}
    return await planning("slots/bulk.html", actor, doctor_id, form=Form.empty(values))


@post(under("/times/new"), access=PLANNERS, status_code=200)
async def add_times(request: Request, actor: NamedDependency[Actor], doctor_id: DoctorId = None) -> Response[Any]:
    """First what would be added, day by day; then it is added."""
    form = await read_form(request, BulkForm)
    if form.data is None:
        return await planning("slots/bulk.html", actor, doctor_id, status=422, form=form)
    add = actions.add_slots if form.data.confirmed else actions.preview_slots
    try:
        result = await add(actor, doctor_id or actor.id, form.data)
    except Invalid as error:
        return await planning("slots/bulk.html", actor, doctor_id, status=422, form=form.refused(error))
    if not form.data.confirmed:
        return await planning("slots/bulk_preview.html", actor, doctor_id, form=form, result=result)
    text = ngettext("%(n)s time is added.", "%(n)s times are added.", result.added)
    flash(request, text)
    return redirect(f"{base_of(doctor_id)}/times?date={result.days[0].date}")


@post("/slots/{slot_id:uuid}/close", access=PLANNERS, status_code=200)
async def close_time(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    return await done_with(request, actor, slot_id, partial(actions.change_slot, change=SlotChange(disabled=True)))


@post("/slots/{slot_id:uuid}/open", access=PLANNERS, status_code=200)
async def open_time(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    return await done_with(request, actor, slot_id, partial(actions.change_slot, change=SlotChange(disabled=False)))


@post("/slots/{slot_id:uuid}/remove", access=PLANNERS, status_code=200)
async def remove_time(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Response[Any]:
    return await done_with(request, actor, slot_id, actions.remove_slot)


async def done_with(
    request: Request, actor: Actor, slot_id: UUID, work: Callable[[Actor, UUID], Awaitable[Any]]
) -> Response[Any]:
    """Do it and show the day again; what a patient has booked stays, and the page says so."""
    slot = await queries.get_own_slot(actor, slot_id)
    try:
        await work(actor, slot_id)
    except Conflict as conflict:
        flash(request, conflict.detail)
    return redirect(f"{base_of(None if actor.id == slot.doctor_id else slot.doctor_id)}/times?date={slot.date}")


handlers: list[Any] = [
    doctor,
    confirm_hold,
    hold,
    release,
    times,
    new_times,
    add_times,
    close_time,
    open_time,
    remove_time,
]
