"""Making an account, for people: first the role, then one form."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.pages import Next, enter
from portal.accounts.schemas import Actor, LoginKind, Role, first_page
from portal.errors import Conflict, Invalid, NotFound
from portal.registration import actions, queries
from portal.registration.schemas import ROLE_OF_PATH, RegistrationForm
from portal.web.contacts import time_zones
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC
from portal.web.hosts import safe_next
from portal.web.limits import REGISTER
from portal.web.render import page, redirect


@get("/register", access=PUBLIC)
async def choose_role(viewer: NamedDependency[Actor | None], next: Next = None) -> Response[Any]:
    if viewer:
        return redirect(first_page(viewer.role, viewer.status))
    return page("registration/choose.html", next=safe_next(next, ""))


@get("/register/{role:str}", access=PUBLIC)
async def registration_form(
    viewer: NamedDependency[Actor | None], role: FromPath[str], next: Next = None
) -> Response[Any]:
    if viewer:
        return redirect(first_page(viewer.role, viewer.status))
    return await form_page(role_named(role), Form.empty({"next": safe_next(next, ""), "time_zone": "UTC"}))


@post("/register/{role:str}", access=PUBLIC, limit=REGISTER, status_code=200)
async def register(request: Request, role: FromPath[str]) -> Response[Any]:
    """Make the account and sign in."""
    chosen = role_named(role)
    form = await read_form(request, RegistrationForm)
    if form.data is None:
        return await form_page(chosen, form, status=422)
    agent = request.headers.get("user-agent", "")
    try:
        signed_in = await actions.register(form.data, LoginKind.PAGE, agent)
    except (Invalid, Conflict) as refused:
        return await form_page(chosen, form.refused(refused), status=refused.status)
    return enter(request, signed_in, form.data.next)


def role_named(word: str) -> Role:
    """The role that an address names. Raises `NotFound` for one that nobody can register for."""
    if word not in ROLE_OF_PATH:
        raise NotFound
    return ROLE_OF_PATH[word]


async def form_page(role: Role, form: Form[RegistrationForm], status: int = 200) -> Response[Any]:
    specialties = await queries.specialty_choices() if role is Role.DOCTOR else []
    return page(
        f"registration/{role.value.lower()}.html",
        status=status,
        form=form,
        registering=role.value,
        specialties=specialties,
        time_zones=[(zone, zone.replace("_", " ")) for zone in sorted(time_zones())],
    )


handlers = [choose_role, registration_form, register]
