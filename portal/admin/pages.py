"""The system admin's desk: what waits, the verification inbox, the users."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.admin import actions, queries
from portal.admin.api import Search
from portal.admin.schemas import SuspendForm
from portal.errors import DomainError
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect

ADMIN = roles(Role.SYSTEM_ADMIN)
ROWS = 20


@get("/admin", access=ADMIN)
async def desk() -> Response[Any]:
    return page("admin/desk.html", counts=await queries.counts(), claims=await queries.claims(0, 5))


@get("/admin/verification", access=ADMIN)
async def inbox(skip: Skip = 0) -> Response[Any]:
    """Who waits, the longest first, with what they say about themselves."""
    counts = await queries.counts()
    return page(
        "admin/verification.html", claims=await queries.claims(skip, ROWS), total=counts.waiting, skip=skip, limit=ROWS
    )


@get("/admin/users", access=ADMIN)
async def users(
    status: FromQuery[AccountStatus | None] = None,
    role: FromQuery[Role | None] = None,
    q: Search = None,
    skip: Skip = 0,
) -> Response[Any]:
    found = await queries.users(status, role, q, skip, ROWS)
    filters = {"status": status, "role": role, "q": q}
    here = "/admin/users?" + urlencode({name: value for name, value in filters.items() if value})
    return page("admin/users.html", found=found, filters=Form.empty(filters), here=here, skip=skip, limit=ROWS)


@post("/admin/users/{user_id:uuid}/verify", access=ADMIN, status_code=303)
async def verify_user(request: Request, actor: NamedDependency[Actor], user_id: FromPath[UUID]) -> Response[Any]:
    user = await actions.verify_user(actor, user_id)
    flash(request, _("%(name)s is verified and can begin.", name=user.name))
    return redirect("/admin/verification")


@get("/admin/users/{user_id:uuid}/suspend", access=ADMIN)
async def suspend_form(user_id: FromPath[UUID]) -> Response[Any]:
    return page("admin/suspend.html", user=await queries.user(user_id), form=Form.empty())


@post("/admin/users/{user_id:uuid}/suspend", access=ADMIN, status_code=200)
async def suspend_user(request: Request, actor: NamedDependency[Actor], user_id: FromPath[UUID]) -> Response[Any]:
    """Suspend with a reason, which the audit keeps."""
    form = await read_form(request, SuspendForm)
    if form.data is None:
        return page("admin/suspend.html", status=422, user=await queries.user(user_id), form=form)
    try:
        user = await actions.suspend_user(actor, user_id, form.data.reason)
    except DomainError as refused:
        user = await queries.user(user_id)
        return page("admin/suspend.html", status=refused.status, user=user, form=form.refused(refused))
    flash(request, _("%(name)s is suspended; all their logins have ended.", name=user.name))
    return redirect("/admin/users")


@post("/admin/users/{user_id:uuid}/reinstate", access=ADMIN, status_code=303)
async def reinstate_user(request: Request, actor: NamedDependency[Actor], user_id: FromPath[UUID]) -> Response[Any]:
    user = await actions.reinstate_user(actor, user_id)
    flash(request, _("%(name)s can sign in again.", name=user.name))
    return redirect("/admin/users")


handlers = [desk, inbox, users, verify_user, suspend_form, suspend_user, reinstate_user]
