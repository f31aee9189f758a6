"""Weekly sessions and their exceptions as JSON."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from portal.accounts.schemas import Actor, Role
from portal.schedules import actions, queries
from portal.schedules.schemas import (
    ChangedSession,
    Leave,
    NewLeave,
    NewOverride,
    NewSession,
    Override,
    OverrideList,
    PlannedRange,
    SessionList,
    WeeklySession,
)
from portal.slots.schemas import SlotChanges
from portal.web.guards import SIGNED_IN, roles
from portal.web.query import Limit, Skip

PLANNERS = roles(Role.DOCTOR, Role.CLINIC_ADMIN)


@post("/api/sessions", access=PLANNERS, tags=["Schedules"])
async def create(request: Request, actor: NamedDependency[Actor], data: JSONBody[NewSession]) -> WeeklySession:
    """Add weekly hours of a doctor."""
    return await actions.create_session(actor, data, request.app.state.settings.horizon_days)


@get("/api/sessions", access=SIGNED_IN, tags=["Schedules"])
async def list_sessions(
    actor: NamedDependency[Actor],
    doctor_id: Annotated[UUID, QueryParameter(description="Whose sessions")],
    skip: Skip = 0,
    limit: Limit = 10,
) -> SessionList:
    """The weekly sessions of a doctor."""
    return await queries.list_sessions(actor, doctor_id, skip, limit)


@get("/api/sessions/{session_id:uuid}", access=SIGNED_IN, tags=["Schedules"])
async def show(actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> WeeklySession:
    """One weekly session."""
    return await queries.get_session(actor, session_id)


@put("/api/sessions/{session_id:uuid}", access=PLANNERS, tags=["Schedules"])
async def change(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[ChangedSession]
) -> WeeklySession:
    """Give a session other terms."""
    return await actions.change_session(actor, session_id, data, request.app.state.settings.horizon_days)


@delete("/api/sessions/{session_id:uuid}", access=PLANNERS, status_code=200, tags=["Schedules"])
async def end(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> SlotChanges:
    """End a session; what happened to its slots."""
    return await actions.delete_session(actor, session_id, request.app.state.settings.horizon_days)


@get("/api/sessions/{session_id:uuid}/overrides", access=PLANNERS, tags=["Schedules"])
async def list_overrides(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> OverrideList:
    """The dates on which a session is different."""
    return await queries.list_overrides(actor, session_id, skip, limit)


@post("/api/sessions/{session_id:uuid}/overrides", access=PLANNERS, tags=["Schedules"])
async def add_override(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[NewOverride]
) -> Override:
    """Cancel or change a session on one date."""
    return await actions.add_override(actor, session_id, data, request.app.state.settings.horizon_days)


@delete(
    "/api/sessions/{session_id:uuid}/overrides/{override_id:uuid}", access=PLANNERS, status_code=200, tags=["Schedules"]
)
async def remove_override(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], override_id: FromPath[UUID]
) -> SlotChanges:
    """Let a session take place on a date as in every week."""
    horizon_days = request.app.state.settings.horizon_days
    return await actions.remove_override(actor, session_id, override_id, horizon_days)


@get("/api/doctors/{doctor_id:uuid}/schedule", access=PLANNERS, tags=["Schedules"])
async def look_at_plan(
    request: Request,
    actor: NamedDependency[Actor],
    doctor_id: FromPath[UUID],
    first: Annotated[date, QueryParameter(name="from", description="First date")],
    last: Annotated[date, QueryParameter(name="to", description="Last date, at most 61 days later")],
) -> PlannedRange:
    """A doctor's days with their sessions, exceptions, and what is free, held and booked of each."""
    return await actions.look_at_plan(actor, doctor_id, first, last, request.app.state.settings.horizon_days)


@post("/api/doctors/{doctor_id:uuid}/leave", access=PLANNERS, tags=["Schedules"])
async def set_leave(
    request: Request, actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[NewLeave]
) -> Leave:
    """Close all hours of a doctor from one date to another, or open them again."""
    return await actions.set_leave(actor, doctor_id, data, request.app.state.settings.horizon_days)


@post("/api/doctors/{doctor_id:uuid}/leave/preview", access=PLANNERS, status_code=200, tags=["Schedules"])
async def preview_leave(
    request: Request, actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[NewLeave]
) -> Leave:
    """What closing or opening the dates would do, day by day, without doing it."""
    horizon_days = request.app.state.settings.horizon_days
    return await actions.set_leave(actor, doctor_id, data, horizon_days, rehearsal=True)


handlers = [
    create, list_sessions, show, change, end, list_overrides, add_override, remove_override, look_at_plan, set_leave,
    preview_leave,
]  # fmt: skip
