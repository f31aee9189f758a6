"""A few routes with known effects, inside the whole shell of the portal."""

import asyncio
from typing import Any

import asyncpg
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Response

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, FieldError, Invalid, TooMany, Unavailable
from portal.web import flashes
from portal.web.decode import Input
from portal.web.guards import PUBLIC, SIGNED_IN, roles
from portal.web.limits import Rule
from portal.web.render import page, redirect

SCHEMA = "CREATE TABLE effect (id bigserial PRIMARY KEY, name text NOT NULL)"
INSERT = "INSERT INTO effect (name) VALUES ($1) RETURNING id"
ERRORS: dict[str, Exception] = {
    "conflict": Conflict("slot_taken", "Taken.", seconds=3),
    "invalid": Invalid([FieldError("name", "Too long.")]),
    "busy": Unavailable(7),
    "often": TooMany(9),
    "broken": ValueError("Mrs Secret, born 1950"),
    "database": asyncpg.UndefinedTableError("relation of Mrs Secret does not exist"),
    "deadlock": asyncpg.DeadlockDetectedError("deadlock"),
    "timeout": TimeoutError(),
    "gone": ConnectionResetError(),
}


class Thing(Input):
    name: str
    seconds: float = 0


async def make(name: str, seconds: float = 0) -> int:
    """The action: one transaction, one effect."""
    async with db.transaction():
        await asyncio.sleep(seconds)
        return int(await db.fetch_value(INSERT, name))


@post("/api/things", access=SIGNED_IN)
async def make_thing(data: JSONBody[Thing]) -> dict[str, int]:
    return {"id": await make(data.name, data.seconds)}


@post("/api/public-things", access=PUBLIC)
async def make_public_thing(data: JSONBody[Thing]) -> dict[str, int]:
    return {"id": await make(data.name)}


@post("/api/refused-things", access=SIGNED_IN)
async def refuse_thing(data: JSONBody[Thing]) -> None:
    await make(data.name)
    raise ERRORS[data.name]


@post("/api/doctors-things", access=roles(Role.DOCTOR))
async def make_doctors_thing(data: JSONBody[Thing]) -> dict[str, int]:
    return {"id": await make(data.name)}


@get("/api/errors/{kind:str}", access=PUBLIC)
async def fail_api(kind: FromPath[str]) -> None:
    raise ERRORS[kind]


@get("/errors/{kind:str}", access=PUBLIC)
async def fail_page(kind: FromPath[str]) -> None:
    raise ERRORS[kind]


@get("/numbers", access=PUBLIC)
async def numbers(count: FromQuery[int] = 1) -> dict[str, int]:
    return {"count": count}


@get("/", access=PUBLIC)
async def front() -> Response[Any]:
    return page("errors/_problem.html", title="Front", detail="")


@get("/form", access=PUBLIC)
async def form(viewer: NamedDependency[Actor | None]) -> Response[Any]:
    return page("base.html")


@post("/form", access=PUBLIC)
async def send_form(request: Request) -> Response[Any]:
    await make("form")
    return redirect("/form", flash="It is done.")


@post("/limited", access=PUBLIC, limit=Rule("limited", 2, 60))
async def send_limited(request: Request) -> Response[Any]:
    return redirect("/form")


@get("/own", access=SIGNED_IN)
async def own(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    flashes.flash(request, "Seen.")
    return page("base.html")


@post("/own", access=SIGNED_IN)
async def change_own(actor: NamedDependency[Actor]) -> Response[Any]:
    await make(f"own {actor.id}")
    return redirect("/own")


@post("/own/only-post", access=SIGNED_IN)
async def change_only(actor: NamedDependency[Actor]) -> Response[Any]:
    await make("only")
    return redirect("/own")


@get("/doctors-own", access=roles(Role.DOCTOR))
async def doctors_own() -> str:
    return "doctor"


PAGES = [front, form, send_form, send_limited, own, change_own, change_only, doctors_own, fail_page, numbers]
API = [make_thing, make_public_thing, refuse_thing, make_doctors_thing, fail_api]
