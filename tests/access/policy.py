"""What a policy row says, and which answer it makes of an actor and a thing.

`may` are the words for those who succeed:
* `public`, `everyone` (whom the route's declaration lets in), `nobody`;
* `patient doctor admin pharmacist system`: who that is to the thing of the row;
* `PATIENT DOCTOR CLINIC_ADMIN PHARMACY SYSTEM_ADMIN`: the whole role, whosever thing it is.
Everybody else whom the declaration lets in is refused as if the thing did not exist.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import msgspec

from portal.accounts.schemas import AccountStatus, Role
from portal.web.guards import Access, methods
from tests.access.call import API_PREFIXES, FORM
from tests.access.world import Side
from tests.factories import Person

NAME = re.compile(r"\$(\w+)")
ROLES = {role.value for role in Role}
NOWHERE = "nowhere"
# Words for bodies that are nobody's things.
PLAIN_WORDS = {
    "day",
    "session_day",
    "queue_day",
    "next_session_day",
    "weekday",
    "video_start",
    "free_start",
    "known_email",
    "free_email",
    "password",
}


@dataclass(frozen=True)
class Row:
    """One way to call a route: the route, who succeeds, and how to fill its path, query and body."""

    call: str  # "POST /api/slots/{slot_id}/hold"
    may: str
    ids: dict[str, str] = field(default_factory=dict)  # path parameter → name of a thing, or "=" and the text itself
    body: dict[str, Any] | None = None  # "$open_slot" is the id of that thing of the side at hand
    query: str = ""
    ok: tuple[int, ...] = ()  # what success looks like, where it is not the declared status
    refusal: tuple[int, ...] = (404,)  # for things that are not theirs
    forbidden: str = ""  # roles that the declaration lets in, but which may never do it to a thing of another (403)
    unaudited: str = ""  # why no audit row is needed
    file: bytes = b""  # what goes along as the part `file` of a multipart form
    is_vague: str = ""  # why an unknown id may be answered otherwise than a foreign one

    @property
    def method(self) -> str:
        return self.call.split(" ")[0]

    @property
    def path(self) -> str:
        return self.call.split(" ")[1]

    @property
    def is_api(self) -> bool:
        return self.path.startswith(API_PREFIXES)

    def things(self) -> set[str]:
        """The names of things that a call needs."""
        texts = [self.query, msgspec.json.encode(self.body).decode()]
        named = {name for text in texts for name in NAME.findall(text)} - PLAIN_WORDS
        return named | {name for name in self.ids.values() if not name.startswith("=")}

    def url(self, side: Side) -> str:
        path = self.path
        for name, thing in self.ids.items():
            path = path.replace("{" + name + "}", thing[1:] if thing[0] == "=" else str(side.ids[thing]))
        return path + ("?" + fill(self.query, side) if self.query else "")

    def content(self, side: Side) -> tuple[bytes, str]:
        """The body as this route's face takes it, with its content type."""
        if self.body is None:
            return b"", ""
        filled = fill(self.body, side)
        if self.file:
            return multipart({**filled, "file": self.file})
        if self.is_api:
            return msgspec.json.encode(filled), "application/json"
        return urlencode(filled, doseq=True).encode(), FORM


def multipart(parts: dict[str, Any]) -> tuple[bytes, str]:
    """A form with a file, and its content type."""
    body = b""
    for name, value in parts.items():
        is_file = isinstance(value, bytes)
        more = '; filename="zq.pdf"' if is_file else ""
        head = f'--zq\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        body += head.encode() + (value if is_file else str(value).encode()) + b"\r\n"
    return body + b"--zq--\r\n", "multipart/form-data; boundary=zq"


def fill(value: Any, side: Side) -> Any:
    """The names of things as their ids."""
    if isinstance(value, dict):
        return {name: fill(inner, side) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, side) for inner in value]
    return NAME.sub(lambda found: str(side.ids[found[1]]), value) if isinstance(value, str) else value


def nowhere(row: Row, home: Side) -> Side:
    """A side whose things do not exist; a body beside a path keeps good ids, so that only the path is wrong."""
    in_path = {name for name in row.ids.values() if not name.startswith("=")}
    wrong = in_path or row.things()
    return Side(NOWHERE, home.ids | {name: uuid4() for name in wrong})


def mixed(row: Row, home: Side, elsewhere: Side) -> list[Side]:
    """Where a path names two things: the first of one's own, the last of somebody elsewhere."""
    in_path = [name for name in row.ids.values() if not name.startswith("=")]
    if len(in_path) < 2:
        return []
    return [Side(NOWHERE, home.ids | {in_path[-1]: elsewhere.ids[in_path[-1]]})]


@dataclass(frozen=True)
class Expected:
    allowed: bool
    statuses: tuple[int, ...]


def is_let_in(access: Access, person: Person | None) -> bool:
    """Whether the route's declaration lets this person in, before any thing is looked at."""
    if access.public:
        return True
    if person is None or person.actor.status is AccountStatus.SUSPENDED:
        return False
    return person.actor.role in access.roles and (access.pending or person.actor.status is AccountStatus.ACTIVE)


def expected(
    row: Row, access: Access, status: int | None, person: Person | None, relations: set[str], side: str
) -> Expected:
    """The answer that the declaration and the row ask for."""
    success = Expected(True, row.ok or ((status or 200, 303) if not row.is_api else (status or 200,)))
    if person and person.actor.status is AccountStatus.SUSPENDED:
        if row.is_api and not access.nameless:
            return Expected(False, (401,))
        person = None
    may = set(row.may.split())
    if access.public and "public" in may and side != NOWHERE:
        return success
    if person is None:
        return Expected(False, row.refusal if access.public else (401,) if row.is_api else (303,))
    actor = person.actor
    if not is_let_in(access, person):
        return Expected(False, (403,))
    if side != NOWHERE and ("everyone" in may or actor.role.value in may or may & relations):
        return success
    return Expected(False, (403,) if actor.role.value in row.forbidden.split() else row.refusal)


def routes(app: Any) -> dict[tuple[str, str], Any]:
    """(method, path) → handler of every route; a raw ASGI handler counts as a GET."""
    from portal.web import guards

    return {
        (method, path): handler
        for path, handler in guards.handlers(app)
        for method in (methods(handler) or {"GET"}) - {"HEAD", "OPTIONS"}
    }
