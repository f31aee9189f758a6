"""Passwords, for people."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor, LoginKind
from portal.credentials import actions, queries
from portal.credentials.schemas import ForgottenPassword, NewPassword, PasswordChange
from portal.errors import Conflict, DomainError
from portal.web.auth import clear_login_cookie, set_login_cookie
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, SIGNED_IN_OR_WAITING
from portal.web.i18n import _
from portal.web.limits import FORGOTTEN, LOGIN
from portal.web.render import page, redirect


@get("/forgotten-password", access=PUBLIC)
async def forgotten_form() -> Response[Any]:
    return page("credentials/forgotten.html", form=Form.empty())


@post("/forgotten-password", access=PUBLIC, limit=FORGOTTEN, status_code=200)
async def forgotten_password(request: Request) -> Response[Any]:
    """Say that a mail is on its way if there is an account, and nothing more."""
    form = await read_form(request, ForgottenPassword)
    if form.data is None:
        return page("credentials/forgotten.html", status=422, form=form)
    await actions.request_reset(form.data.email)
    return page("credentials/forgotten_sent.html", email=form.data.email)


@get("/reset-password/{token:str}", access=PUBLIC)
async def reset_form(token: FromPath[str]) -> Response[Any]:
    if not await queries.is_usable(token):
        return page("credentials/link_expired.html", status=409)
    return page("credentials/reset.html", form=Form.empty())


@post("/reset-password/{token:str}", access=PUBLIC, limit=LOGIN, status_code=200)
async def reset_password(request: Request, token: FromPath[str]) -> Response[Any]:
    """Store the new password; everybody who was signed in has to sign in anew."""
    form = await read_form(request, NewPassword)
    if form.data is None:
        return page("credentials/reset.html", status=422, form=form)
    try:
        await actions.reset_password(token, form.data.password)
    except Conflict:
        return page("credentials/link_expired.html", status=409)
    flash(request, _("Your new password is saved. Log in with it."))
    response = redirect("/login")
    clear_login_cookie(response, request.app.state.settings)
    return response


@get("/settings/password", access=SIGNED_IN_OR_WAITING)
async def change_form(actor: NamedDependency[Actor]) -> Response[Any]:
    return page("credentials/change.html", form=Form.empty())


@post("/settings/password", access=SIGNED_IN_OR_WAITING, status_code=200)
async def change_password(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """Store the new password; this browser gets a new login, all others have to sign in anew."""
    form = await read_form(request, PasswordChange)
    if form.data is None:
        return page("credentials/change.html", status=422, form=form)
    agent = request.headers.get("user-agent", "")
    try:
        signed_in = await actions.change_password(actor, form.data, LoginKind.PAGE, agent)
    except DomainError as refused:
        return page("credentials/change.html", status=refused.status, form=form.refused(refused))
    flash(request, _("Your password is changed. All other logins have ended."))
    response = redirect("/settings")
    set_login_cookie(response, signed_in.login.secret, request.app.state.settings)
    return response


handlers = [forgotten_form, forgotten_password, reset_form, reset_password, change_form, change_password]
