"""Settings, and the switch of language and appearance that visitors have too."""

from typing import Any

from litestar import Request, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.response import Response

from portal.accounts import queries
from portal.accounts.schemas import Actor
from portal.preferences import actions
from portal.preferences.schemas import DetailsForm, SwitchForm
from portal.web.contacts import time_zones
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, SIGNED_IN_OR_WAITING
from portal.web.headers import set_cookie
from portal.web.hosts import safe_next
from portal.web.i18n import _, use_language
from portal.web.render import page, redirect

YEAR = 365 * 24 * 3600


@get("/settings", access=SIGNED_IN_OR_WAITING)
async def settings(actor: NamedDependency[Actor]) -> Response[Any]:
    """Everything that a person can set, with the way to each."""
    logins = await queries.own_logins(actor)
    return page("preferences/settings.html", user=await queries.me(actor), logins=logins)


@get("/settings/details", access=SIGNED_IN_OR_WAITING)
async def details_form(actor: NamedDependency[Actor]) -> Response[Any]:
    user = await queries.me(actor)
    return details_page(Form.filled(user))


@post("/settings/details", access=SIGNED_IN_OR_WAITING, status_code=200)
async def change_details(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """Store the details, or show the form again with what is wrong."""
    form = await read_form(request, DetailsForm)
    if form.data is None:
        return details_page(form, status=422)
    await actions.change_account(actor, form.data.change())
    flash(request, _("Your details are saved."))
    return redirect("/settings")


def details_page(form: Form[Any], status: int = 200) -> Response[Any]:
    zones = [(zone, zone.replace("_", " ")) for zone in sorted(time_zones())]
    return page("preferences/details.html", status=status, form=form, time_zones=zones)


@post("/preferences", access=PUBLIC, status_code=303)
async def switch(request: Request, viewer: NamedDependency[Actor | None]) -> Response[Any]:
    """Language and appearance: kept with the account, and in this browser for the time before login."""
    form = await read_form(request, SwitchForm)
    if form.data is None:
        return redirect(safe_next(form.value("next"), "/settings" if viewer else "/"))
    if form.data.locale:
        remember(request, "locale", form.data.locale)
        use_language(form.data.locale)
    if form.data.theme:
        remember(request, "theme", form.data.theme)
    if viewer:
        await actions.change_account(viewer, form.data.change())
    return redirect(safe_next(form.data.next, "/settings" if viewer else "/"))


def remember(request: Request, name: str, value: str) -> None:
    secure = request.app.state.settings.secure
    set_cookie(request, Cookie(key=name, value=value, max_age=YEAR, secure=secure, httponly=True, samesite="lax"))


handlers = [settings, details_form, change_details, switch]
