"""Every route as every actor with own, foreign and unknown things; what was seen is kept, the answers are not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from litestar import Litestar

from portal.accounts.schemas import AccountStatus
from portal.web.guards import Access
from tests.access import canaries
from tests.access.call import Answer, call, csrf_token
from tests.access.policy import Expected, Row, expected, is_let_in, mixed, nowhere, routes
from tests.access.sandbox import Sandbox, digest
from tests.access.world import Side, World
from tests.factories import Person

SAFE = {"GET", "HEAD"}
CHANGING = [
    re.compile(r"'nonce-[\w-]+'"),
    re.compile(r'nonce="[\w-]+"'),
    re.compile(r"[A-Za-z0-9_-]{86}=="),  # CSRF tokens
    re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),  # request ids and asked-for ids
    re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
]
# What is as private as a record, whatever is said of it.
PRIVATE = ("booked", "checked_in", "in_progress", "completed", "queued", "wish", "offer", "repair")
PRIVATE += ("message", "chat_file")
PRIVATE += ("open_emergency", "accepted_emergency", "video_session", "call")
DERIVED = ("doctor_search", "doctor_next_free")  # what everybody finds a doctor by


@dataclass
class Cell:
    """One call and what came of it."""

    row: Row
    actor: str
    side: str
    expected: Expected
    status: int
    headers: list[tuple[str, str]]
    seen: set[tuple[str, str]]  # canaries, by side and audience
    leaks: set[tuple[str, str]]  # those that were not for this actor
    fingerprint: str
    audits: list[dict[str, Any]]
    wrote: bool  # rows have changed
    is_signed_in: bool
    patient_id: UUID | None  # whose record the thing belongs to
    is_changed: bool = False  # a refused call that has changed a row
    faults: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        return self.status in self.expected.statuses

    @property
    def complaints(self) -> list[str]:
        """Everything in which the call differs from what was agreed."""
        wrong = [] if self.is_right else [f"{self.status}, not {self.expected.statuses}"]
        wrong += [f"tells of {whose}: {what}" for whose, what in sorted(self.leaks)]
        return wrong + ["refused, but changed a row"] * self.is_changed + self.faults

    def __str__(self) -> str:
        what = "; ".join(self.complaints) or f"{self.status}"
        return f"{self.row.call} as {self.actor} on {self.side or 'nothing'}: {what}"


@dataclass
class Matrix:
    cells: list[Cell] = field(default_factory=list)
    unruled: list[str] = field(default_factory=list)  # routes without a row
    stale: list[str] = field(default_factory=list)  # rows without a route
    unfillable: list[str] = field(default_factory=list)  # rows that name a thing which the world has not


@dataclass
class Caller:
    """Makes the calls of one row."""

    app: Litestar
    world: World
    sandbox: Sandbox
    before: set[tuple[str, str]]
    looks_at_changes: bool = False  # also after calls that were allowed: what they changed may be somebody else's

    async def cells(self, row: Row, handler: Any) -> list[Cell]:
        return [await self.cell(row, handler, actor, side) for actor, side in self.pairs(row, handler)]

    def pairs(self, row: Row, handler: Any) -> Iterator[tuple[str, Side]]:
        """Every actor with the three sides and nowhere, for rows that name a thing.

        Whom the declaration keeps out never comes as far as the thing: one that exists and one that does not will do.
        """
        home = self.world.sides["owner"]
        for actor, person in self.world.people.items():
            if not row.things():
                yield actor, Side("", home.ids)
                continue
            yield from ((actor, side) for side in (home, nowhere(row, home)))
            if is_let_in(handler.opt["access"], person):
                yield from ((actor, self.world.sides[name]) for name in ("other", "elsewhere"))
                yield from ((actor, side) for side in mixed(row, home, self.world.sides["elsewhere"]))

    async def cell(self, row: Row, handler: Any, actor: str, side: Side) -> Cell:
        person, wanted = self.world.people[actor], self.wanted(row, handler, actor, side)
        async with self.sandbox.rolled_back():
            answer = await send(self.app, row, person, side)
            wrote = await self.sandbox.has_written(
                f"{row.call} as {actor} on {side.name}: {answer.status} {answer.text[:300]}"
            )
            cell = Cell(
                row=row, actor=actor, side=side.name, expected=wanted, status=answer.status, headers=answer.headers,
                seen=canaries.seen(answer), leaks=set(), fingerprint=fingerprint(answer),
                audits=await self.sandbox.audited(answer.header("x-request-id")) if wrote else [], wrote=wrote,
                is_signed_in=knows(handler.opt["access"], person),
                patient_id=side.ids["patient"] if side.name in canaries.SIDES else None,
            )  # fmt: skip
            if wrote and not wanted.allowed:
                cell.is_changed = bool(await self.sandbox.changes(self.before))
            elif wrote:
                cell.wrote = bool(cell.audits) or bool(await self.sandbox.changes(self.before))
                cell.faults += await self.broken()
                if self.looks_at_changes and person and "public" not in row.may:
                    cell.faults += await self.foreign_changes(actor, side.name)
        shown = cell.seen | self.things_in(answer, row.url(side))
        cell.leaks = {(whose, what) for whose, what in shown if not self.is_for(actor, whose, what)}
        return cell

    def things_in(self, answer: Answer, asked: str) -> set[tuple[str, str]]:
        """Whose visits, wishes or calls for help an answer tells of by their ids, other than the one asked for."""
        return {
            (name, "record")
            for name, side in self.world.sides.items()
            for thing in PRIVATE
            if (known := str(side.ids[thing])) in answer.text and known not in asked
        }

    def wanted(self, row: Row, handler: Any, actor: str, side: Side) -> Expected:
        """The answer that the policy asks for."""
        relations = self.world.relations(actor, side.name) if side.name in canaries.SIDES else set()
        if not side.name and actor == "system":
            relations = {"system"}
        status = getattr(handler, "status_code", None)
        return expected(row, handler.opt["access"], status, self.world.people[actor], relations, side.name)

    async def broken(self) -> list[str]:
        try:
            await self.sandbox.constraints_hold()
        except asyncpg.PostgresError as error:
            return [str(error)]
        return []

    async def foreign_changes(self, actor: str, asked: str) -> list[str]:
        """Rows that a call has changed in a world in which this actor is nobody, beside the one in which it was let in."""
        changed = {one for one in await self.sandbox.changes(self.before) if one[0] not in DERIVED}
        sides = {side for _place, line in changed for side, _audience in canaries.seen_in(line)}
        for name, side in self.world.sides.items():
            about = {str(side.ids["patient"]), str(side.ids["doctor"])}
            sides |= {name for _place, line in changed if any(person in line for person in about)}
        return [f"changed a row of {side}" for side in sorted(sides - {asked}) if not self.world.relations(actor, side)]

    def is_for(self, actor: str, side: str, audience: str) -> bool:
        return bool(canaries.AUDIENCES[audience] & self.world.relations(actor, side))


async def send(
    app: Litestar, row: Row, person: Person | None, side: Side, more: dict[str, str] | None = None
) -> Answer:
    """One call as a row says, with the token of this person's login where a page asks for one."""
    body, kind = row.content(side)
    if person and person.actor.status is AccountStatus.SUSPENDED:
        more = {"x-csrf-token": csrf_token(None)}  # the page that was shown knows nobody
    elif not row.is_api and row.method not in SAFE:
        more = {"x-csrf-token": csrf_token(person), **(more or {})}
    return await call(app, row.method, row.url(side), person, body, kind, more)


def knows(access: Access, person: Person | None) -> bool:
    """Whether the answer is for a person who is signed in."""
    return person is not None and not access.nameless and person.actor.status is not AccountStatus.SUSPENDED


def fingerprint(answer: Answer) -> str:
    """What an answer says, apart from what differs in every answer."""
    kept = [f"{name}: {value}" for name, value in sorted(answer.headers) if name != "x-request-id"]
    text = "\n".join([str(answer.status), *kept, answer.text])
    for pattern in CHANGING:
        text = pattern.sub("…", text)
    return digest(text)


async def run(app: Litestar, world: World, sandbox: Sandbox, rows: list[Row]) -> Matrix:
    """The whole matrix."""
    known, matrix = routes(app), Matrix()
    caller = Caller(app, world, sandbox, await sandbox.rows())
    named = {(row.method, row.path) for row in rows}
    matrix.unruled = sorted(f"{method} {path}" for method, path in known.keys() - named)
    matrix.stale = sorted(f"{method} {path}" for method, path in named - known.keys())
    known_things = world.sides["owner"].ids.keys()
    matrix.unfillable = [
        f"{row.call}: {sorted(row.things() - known_things)}" for row in rows if row.things() - known_things
    ]
    for row in rows:
        handler = known.get((row.method, row.path))
        if handler and not row.things() - known_things:
            matrix.cells += await caller.cells(row, handler)
    return matrix
