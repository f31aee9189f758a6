"""Screens of waiting rooms as JSON."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.walls import actions, queries
from portal.walls.schemas import NewLink, NewWall, Wall, WallLinks
from portal.web.guards import PUBLIC, roles

ADMIN = roles(Role.CLINIC_ADMIN)
TAGS = ["Scheduling"]


@get("/api/wall/{token:str}", access=PUBLIC, tags=TAGS)
async def wall(token: FromPath[str]) -> Wall:
    """What hangs in a clinic's waiting room: numbers only, for whoever has the secret link."""
    return await queries.wall(token)


@get("/api/clinics/{clinic_id:uuid}/walls", access=ADMIN, tags=TAGS)
async def list_walls(actor: NamedDependency[Actor], clinic_id: FromPath[UUID]) -> WallLinks:
    """The clinic's screens, without their secrets."""
    return await queries.walls(actor, clinic_id)


@post("/api/clinics/{clinic_id:uuid}/walls", access=ADMIN, tags=TAGS)
async def make(actor: NamedDependency[Actor], clinic_id: FromPath[UUID], data: JSONBody[NewWall]) -> NewLink:
    """A secret link for one more screen; its address is shown this once."""
    return await actions.make_wall(actor, clinic_id, data)


@delete("/api/walls/{wall_id:uuid}", access=ADMIN, tags=TAGS)
async def revoke(actor: NamedDependency[Actor], wall_id: FromPath[UUID]) -> None:
    """End a link at once."""
    await actions.revoke_wall(actor, wall_id)


handlers = [wall, list_walls, make, revoke]
