"""Referrals and follow-ups as JSON."""

from uuid import UUID

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.referrals import actions
from portal.referrals.schemas import NewFollowUp, NewReferral, Proposals
from portal.web.encode import JsonResponse
from portal.web.guards import roles

DOCTORS = roles(Role.DOCTOR)
ONE = "/api/appointments/{appointment_id:uuid}"
TAGS = ["Appointments"]


@post(ONE + "/refer", access=DOCTORS, tags=TAGS)
async def refer(
    request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[NewReferral]
) -> Appointment:
    """Book the patient with another doctor, with a note for them; the new visit."""
    return await actions.refer(actor, appointment_id, data, request.app.state.settings.horizon_days)


@post(ONE + "/follow-up", access=DOCTORS, tags=TAGS, responses={200: ResponseSpec(Proposals, description="Free times")})
async def follow_up(
    request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[NewFollowUp]
) -> JsonResponse:
    """With `slot_id` the follow-up is booked (201); with `weeks` free times about then are proposed (200)."""
    done = await actions.follow_up(actor, appointment_id, data, request.app.state.settings.horizon_days)
    return JsonResponse(done, status_code=200 if isinstance(done, Proposals) else 201)


handlers = [refer, follow_up]
