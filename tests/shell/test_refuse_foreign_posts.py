"""D3: no other site can act in a person's name, on any unsafe route of the pages."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.app import create_app
from portal.settings import Settings
from portal.web import guards
from tests import catalogue, factories
from tests.factories import Person
from tests.shell.conftest import ORIGIN, a_client, csrf_token, effects

pytestmark = [pytest.mark.anyio, pytest.mark.D3]


@dataclass
class Attack:
    """What the attacker sends in the victim's browser."""

    name: str
    headers: dict[str, str]
    fields: dict[str, str]
    cookies: dict[str, str]
    content: bytes | None = None


def attacks(own: str, others: str, before_login: str, planted: tuple[str, str]) -> list[Attack]:
    """`own` is a good token of the victim: where it is sent, something else gives the attack away."""
    form = "application/x-www-form-urlencoded"
    return [
        Attack("no token", {}, {}, {}),
        Attack("other user's token", {"X-CSRF-Token": others}, {}, {}),
        Attack("planted cookie and field", {}, {"csrf_token": planted[1]}, {"visitor": planted[0]}),
        Attack("planted cookie and header", {"X-CSRF-Token": planted[1]}, {}, {"visitor": planted[0]}),
        Attack("token of before the login", {}, {"csrf_token": before_login}, {}),
        Attack("cross-site fetch", {"Sec-Fetch-Site": "cross-site", "X-CSRF-Token": own}, {}, {}),
        Attack("same-site fetch", {"Sec-Fetch-Site": "same-site", "X-CSRF-Token": own}, {}, {}),
        Attack("origin null", {"Origin": "null", "X-CSRF-Token": own}, {}, {}),
        Attack("look-alike origin", {"Origin": f"{ORIGIN}.attacker.com", "X-CSRF-Token": own}, {}, {}),
        Attack("other scheme", {"Origin": ORIGIN.replace("http", "https"), "X-CSRF-Token": own}, {}, {}),
        Attack("other port", {"Origin": f"{ORIGIN}:8080", "X-CSRF-Token": own}, {}, {}),
        Attack("text/plain", {"Content-Type": "text/plain"}, {}, {}, f"csrf_token={own}".encode()),
        Attack("json", {"Content-Type": "application/json"}, {}, {}, b'{"csrf_token": "%s"}' % own.encode()),
        Attack("token twice", {"Content-Type": form}, {}, {}, f"csrf_token={own}&csrf_token=x".encode()),
        Attack("mangled token", {"X-CSRF-Token": own[:-4] + "AAA="}, {}, {}),
        Attack("token in the address", {}, {"next": f"/?csrf_token={own}"}, {}),
    ]


@pytest.fixture(scope="module")
async def victim(app: Litestar) -> Person:
    return await factories.patient()


@pytest.fixture
async def tokens(app: Litestar, victim: Person) -> AsyncIterator[dict[str, Any]]:
    attacker = await factories.patient()
    async with a_client(app, victim) as mine, a_client(app, attacker) as theirs, a_client(app) as nobody:
        planted = await csrf_token(nobody)
        yield {
            "own": await csrf_token(mine),
            "others": await csrf_token(theirs),
            "before_login": planted,
            "planted": (nobody.cookies["visitor"], planted),
        }


def unsafe_routes(app: Litestar) -> list[tuple[str, str]]:
    """Every page that changes something: method, and a path with an id, or what is a word and a number, where it has a gap."""
    return sorted(
        (method, re.sub(r"{\w+}", "1", re.sub(r"{\w*id}", str(uuid4()), path)))
        for path, handler in guards.handlers(app)
        for method in guards.methods(handler) - {"GET"}
        if not path.startswith(("/api", "/fhir", "/health", "/static", "/schema"))
    )


async def send(client: httpx.AsyncClient, method: str, path: str, attack: Attack) -> httpx.Response:
    for name, value in attack.cookies.items():
        client.cookies.set(name, value)
    data = attack.fields if attack.content is None else None
    return await client.request(method, path, headers=attack.headers, data=data, content=attack.content)


async def test_every_attack_on_every_page_of_the_portal(
    settings: Settings, victim: Person, tokens: dict[str, Any]
) -> None:
    """The portal's own routes: a route that does not exist yet is tried as soon as it does."""
    whole = create_app(settings)
    accepted = []
    for method, path in unsafe_routes(whole):
        for attack in attacks(**tokens):
            async with a_client(whole, victim) as browser:
                answer = await send(browser, method, path, attack)
                if answer.status_code not in (403, 415):
                    accepted.append((method, path, attack.name, answer.status_code))
    told = f"{len(unsafe_routes(whole))} routes x {len(attacks(**tokens))} attacks, {len(accepted)} accepted"
    catalogue.figure("D3", told)
    assert unsafe_routes(whole) and not accepted


async def test_attacks_have_no_effect(app: Litestar, victim: Person, tokens: dict[str, Any]) -> None:
    before = await effects(f"own {victim.id}")
    for attack in attacks(**tokens):
        async with a_client(app, victim) as browser:
            answer = await send(browser, "POST", "/own", attack)
        assert answer.status_code in (403, 415), attack.name
    assert await effects(f"own {victim.id}") == before


async def test_attacks_on_a_visitor(app: Litestar, tokens: dict[str, Any]) -> None:
    """The forms of those who are not signed in: nobody can be signed in as somebody else by another site."""
    planted_alone = [one for one in attacks(**tokens) if not one.cookies]
    for attack in planted_alone:
        async with a_client(app) as browser:
            assert (await send(browser, "POST", "/form", attack)).status_code in (403, 415), attack.name


Sender = Callable[[httpx.AsyncClient, str], Any]


@pytest.mark.parametrize("how", ["field", "header", "multipart", "same-origin"])
async def test_own_forms_are_accepted(app: Litestar, victim: Person, how: str) -> None:
    async with a_client(app, victim) as browser:
        token = await csrf_token(browser)
        field, header = {"csrf_token": token}, {"X-CSRF-Token": token}
        if how == "field":
            answer = await browser.post("/own", data=field)
        elif how == "header":
            answer = await browser.post("/own", headers=header)
        elif how == "multipart":
            answer = await browser.post("/own", data=field, files={"file": b"x"})
        else:
            answer = await browser.post("/own", data=field, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303


async def test_visitors_form(visitor: httpx.AsyncClient) -> None:
    token = await csrf_token(visitor)
    assert (await visitor.post("/form", data={"csrf_token": token})).status_code == 303
    again = await csrf_token(visitor)
    assert again != token, "masked anew on every page"
    assert (await visitor.post("/form", data={"csrf_token": again})).status_code == 303


async def test_masks_are_never_the_same(browser: httpx.AsyncClient) -> None:
    assert len({await csrf_token(browser) for _ in range(50)}) == 50


async def test_login_page_of_the_portal_ends_the_visitors_token(settings: Settings, app: Litestar) -> None:
    """After the login the token of before it is worth nothing, cookie or not."""
    person = await factories.patient()
    async with a_client(app) as browser:
        token, cookie = await csrf_token(browser), browser.cookies["visitor"]
        browser.cookies.set("login", person.secret)
        answer = await browser.post("/own", data={"csrf_token": token}, headers={"Cookie": f"visitor={cookie}"})
    assert answer.status_code in (303, 403)
    assert await db.fetch_value("SELECT count(*) FROM effect WHERE name = $1", f"own {person.id}") == 0
