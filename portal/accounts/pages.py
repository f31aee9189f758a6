"""Signing in and out, for people."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts import actions, queries
from portal.accounts.schemas import AccountStatus, Actor, LoginForm, LoginKind, LogoutRequest, SignedIn, first_page
from portal.errors import TooMany, Unauthorized
from portal.settings import Settings
from portal.web.auth import clear_login_cookie, set_login_cookie
from portal.web.csrf import forget_visitor
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, SIGNED_IN_OR_WAITING
from portal.web.hosts import safe_next
from portal.web.i18n import _
from portal.web.limits import LOGIN
from portal.web.render import page, redirect
from portal.web.types import Line

Next = FromQuery[Annotated[str, Line(1500)] | None]


@get("/login", access=PUBLIC)
async def login_form(viewer: NamedDependency[Actor | None], next: Next = None) -> Response[Any]:
    """The form; who is signed in already goes on."""
    if viewer:
        return redirect(safe_next(next, first_page(viewer.role, viewer.status)))
    return page("accounts/login.html", form=Form.empty({"next": safe_next(next, "")}))


@post("/login", access=PUBLIC, limit=LOGIN, status_code=200)
async def log_in(request: Request, viewer: NamedDependency[Actor | None]) -> Response[Any]:
    """Sign in; a wrong address and a wrong password look the same."""
    form = await read_form(request, LoginForm)
    if form.data is None:
        return page("accounts/login.html", status=422, form=form)
    agent = request.headers.get("user-agent", "")
    try:
        signed_in = await actions.log_in(form.data.email, form.data.password, LoginKind.PAGE, agent, replacing=viewer)
    except (Unauthorized, TooMany) as refused:
        return page("accounts/login.html", status=refused.status, form=form.refused(refused))
    return enter(request, signed_in, form.data.next)


def enter(request: Request, signed_in: SignedIn, wanted: str | None) -> Response[Any]:
    """Give the browser its new login and show the page that was wanted, or the first page of the role."""
    settings: Settings = request.app.state.settings
    user = signed_in.user
    start = first_page(user.role, user.status)
    response = redirect(safe_next(wanted, start) if user.status is AccountStatus.ACTIVE else start)
    set_login_cookie(response, signed_in.login.secret, settings)
    forget_visitor(request)
    return response


@post("/logout", access=PUBLIC, status_code=303)
async def log_out(request: Request, viewer: NamedDependency[Actor | None]) -> Response[Any]:
    """End this login, or all of them; harmless when it has ended already."""
    form = await read_form(request, LogoutRequest)
    if viewer:
        await actions.log_out(viewer, everywhere=bool(form.data and form.data.everywhere))
    response = redirect("/login")
    clear_login_cookie(response, request.app.state.settings)
    return response


@get("/waiting", access=SIGNED_IN_OR_WAITING)
async def waiting(actor: NamedDependency[Actor]) -> Response[Any]:
    """All that an account sees until it has been verified."""
    if actor.status is AccountStatus.ACTIVE:
        return redirect(first_page(actor.role, actor.status))
    return page("accounts/waiting.html")


@get("/settings/logins", access=SIGNED_IN_OR_WAITING)
async def own_logins(actor: NamedDependency[Actor]) -> Response[Any]:
    return page("accounts/logins.html", logins=await queries.own_logins(actor))


@post("/settings/logins/{login_id:uuid}/end", access=SIGNED_IN_OR_WAITING, status_code=303)
async def end_login(request: Request, actor: NamedDependency[Actor], login_id: FromPath[UUID]) -> Response[Any]:
    await actions.end_login(actor, login_id)
    flash(request, _("That login has ended."))
    return redirect("/settings/logins")


@post("/settings/logins/end-others", access=SIGNED_IN_OR_WAITING, status_code=303)
async def end_other_logins(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    await actions.end_other_logins(actor)
    flash(request, _("All other logins have ended."))
    return redirect("/settings/logins")


handlers = [login_form, log_in, log_out, waiting, own_logins, end_login, end_other_logins]
