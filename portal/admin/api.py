"""Accounts, for the system admin's programs."""

from typing import Annotated, Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.admin import actions, queries
from portal.admin.schemas import AdminUser, SuspendRequest
from portal.web.decode import page_of
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Line

ADMIN = roles(Role.SYSTEM_ADMIN)
Search = FromQuery[Annotated[str, Line(100)] | None]


@get("/api/admin/users", access=ADMIN, tags=["Administration"])
async def list_users(
    status: FromQuery[AccountStatus | None] = None,
    role: FromQuery[Role | None] = None,
    q: Search = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> dict[str, Any]:
    """Accounts, newest first, by status, role, and part of a name or address."""
    found = await queries.users(status, role, q, skip, limit)
    return page_of("users", found.users, found.total, skip, limit)


@post("/api/admin/users/{user_id:uuid}/verify", access=ADMIN, status_code=200, tags=["Administration"])
async def verify_user(actor: NamedDependency[Actor], user_id: FromPath[UUID]) -> AdminUser:
    """Let an account that waits for verification begin."""
    return await actions.verify_user(actor, user_id)


@post("/api/admin/users/{user_id:uuid}/suspend", access=ADMIN, status_code=200, tags=["Administration"])
async def suspend_user(
    actor: NamedDependency[Actor], user_id: FromPath[UUID], data: JSONBody[SuspendRequest | None] = None
) -> AdminUser:
    """Shut an account out; all its logins end at once. The reason, where one is given, is kept in the audit."""
    return await actions.suspend_user(actor, user_id, data.reason if data else None)


@post("/api/admin/users/{user_id:uuid}/reinstate", access=ADMIN, status_code=200, tags=["Administration"])
async def reinstate_user(actor: NamedDependency[Actor], user_id: FromPath[UUID]) -> AdminUser:
    """Let a suspended account in again."""
    return await actions.reinstate_user(actor, user_id)


handlers = [list_users, verify_user, suspend_user, reinstate_user]
