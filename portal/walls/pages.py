"""The screen of a waiting room, and where a clinic makes its links."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.clinics.queries import own_clinics
from portal.clinics.schemas import chosen_clinic
from portal.errors import Conflict
from portal.walls import actions, events, queries
from portal.walls.schemas import NewLink, NewWall, WallForm
from portal.web.forms import Form, read_form
from portal.web.guards import PUBLIC, roles
from portal.web.i18n import _
from portal.web.render import page, redirect

ADMIN = roles(Role.CLINIC_ADMIN)


@get("/wall/{token:str}", access=PUBLIC)
async def wall(token: FromPath[str]) -> Response[Any]:
    """Big numbers for whoever sits in the waiting room; the link is the key."""
    found = await queries.wall(token)
    return page(
        "walls/wall.html",
        wall=found,
        here=f"/wall/{token}",
        live_topics=[events.wall_topic(found.clinic_id)],
    )


@get("/clinic/walls", access=ADMIN)
async def list_walls(actor: NamedDependency[Actor], clinic: FromQuery[UUID | None] = None) -> Response[Any]:
    return await walls_page(actor, clinic)


async def walls_page(
    actor: Actor, wanted: UUID | None, *, form: Form | None = None, made: NewLink | None = None, status: int = 200
) -> Response[Any]:
    chosen = chosen_clinic(actor, wanted)
    if chosen is None:
        return redirect("/clinic/new")
    clinics = await own_clinics(actor)
    found = await queries.walls(actor, chosen)
    clinic = {"id": chosen, "name": dict(clinics).get(chosen, "")}
    return page(
        "walls/list.html", status=status, clinic=clinic, clinics=clinics, walls=found.walls, form=form, made=made
    )


@post("/clinic/walls", access=ADMIN, status_code=200)
async def make(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """The new link stands in the answer, and nowhere again."""
    form = await read_form(request, WallForm)
    if form.data is None:
        return await walls_page(actor, None, form=form, status=422)
    try:
        made = await actions.make_wall(actor, form.data.clinic_id, NewWall(name=form.data.name))
    except Conflict as refused:
        return await walls_page(actor, form.data.clinic_id, form=form.refused(refused), status=refused.status)
    return await walls_page(actor, made.clinic_id, made=made)


@post("/clinic/walls/{wall_id:uuid}/revoke", access=ADMIN, status_code=200)
async def revoke(actor: NamedDependency[Actor], wall_id: FromPath[UUID]) -> Response[Any]:
    clinic_id = await actions.revoke_wall(actor, wall_id)
    return redirect(f"/clinic/walls?clinic={clinic_id}", flash=_("The link is revoked. Its screens go dark."))


handlers: list[Any] = [wall, list_walls, make, revoke]
