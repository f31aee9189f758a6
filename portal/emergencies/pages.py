"""Help in an emergency: the patient's page with the national number first, and the doctor's with who needs help."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.emergencies import actions, numbers, queries
from portal.emergencies.schemas import Call, EmergencyStatus
from portal.errors import Conflict
from portal.specialties.queries import specialties
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.render import fragment, page, redirect

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
BOTH = roles(Role.PATIENT, Role.DOCTOR)
HERE = "/emergencies"
ONE = HERE + "/{emergency_id:uuid}"
UNDER_WAY = (EmergencyStatus.OPEN, EmergencyStatus.ACCEPTED)


async def help_page(actor: Actor, form: Form[Any], status: int = 200) -> Response[Any]:
    """The number to call, then what the portal can do, or what it is doing."""
    found, offered = await queries.list_emergencies(actor, limit=5), await specialties(actor, None, 0, 100)
    return page(
        "emergencies/help.html",
        status=status,
        form=form,
        numbers=found.national_numbers,
        under_way=next((one for one in found.emergencies if one.status in UNDER_WAY), None),
        over=[one for one in found.emergencies if one.status not in UNDER_WAY],
        specialties=[(one.id, one.name) for one in offered.specialties],
        country_name=numbers.name_of_country,
        live_topics=[f"user:{actor.id}"],
    )


@get(HERE, access=BOTH)
async def emergencies(actor: NamedDependency[Actor]) -> Response[Any]:
    if actor.role is Role.PATIENT:
        return await help_page(actor, Form.empty())
    found = await queries.list_emergencies(actor, limit=50)
    available = await queries.is_available(actor)
    return page(
        "emergencies/alerts.html",
        calls=[one for one in found.emergencies if one.is_open],
        own=[one for one in found.emergencies if not one.is_open],
        available=available,
        now=clock.now(),
        live_topics=[f"user:{actor.id}", *(["emergencies"] if available else [])],
    )


@post(HERE, access=PATIENT, status_code=200)
async def call_for_help(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, Call)
    if form.data is None:
        return await help_page(actor, form, status=422)
    try:
        await actions.call(actor, form.data)
    except Conflict as conflict:
        return redirect(HERE, flash=conflict.detail)
    return redirect(HERE)


@get(HERE + "/alarm", access=DOCTOR)
async def alarm(actor: NamedDependency[Actor]) -> Response[Any]:
    """What the head of every page of a doctor shows: how many call for help."""
    return fragment("emergencies/_alarm.html", calls=await queries.count_open(actor))


@get(ONE, access=BOTH)
async def emergency(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Response[Any]:
    """Where a link leads: to the visit that it became, or to the list."""
    found = await queries.get_emergency(actor, emergency_id)
    return redirect(f"/appointments/{found.appointment_id}" if found.appointment_id else HERE)


@post(ONE + "/accept", access=DOCTOR, status_code=303)
async def accept(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Response[Any]:
    """On to the visit; somebody else having been faster is no error page."""
    try:
        found = await actions.accept(actor, emergency_id)
    except Conflict as conflict:
        return redirect(HERE, flash=conflict.detail)
    return redirect(f"/appointments/{found.appointment_id}")


@post(ONE + "/resolve", access=DOCTOR, status_code=303)
async def resolve(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Response[Any]:
    try:
        await actions.resolve(actor, emergency_id)
    except Conflict as conflict:
        return redirect(HERE, flash=conflict.detail)
    return redirect(HERE, flash=_("Help was given. Thank you."))


@post(ONE + "/cancel", access=PATIENT, status_code=303)
async def cancel(actor: NamedDependency[Actor], emergency_id: FromPath[UUID]) -> Response[Any]:
    try:
        await actions.cancel(actor, emergency_id)
    except Conflict as conflict:
        return redirect(HERE, flash=conflict.detail)
    return redirect(HERE, flash=_("Your call for help is cancelled."))


handlers = [emergencies, alarm, call_for_help, emergency, accept, resolve, cancel]
