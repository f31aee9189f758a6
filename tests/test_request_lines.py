"""What surrounds the body, on every route: spellings of a path, methods, hosts, cookies, tokens, keys, where to go next."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests import badinputs, catalogue
from tests.access.call import FORM, Answer, call, csrf_token
from tests.access.forms import page_forms
from tests.access.inputs import Good, goods
from tests.access.policy import routes
from tests.access.stage import Stage, settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.I2]

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
STREAMS = ("/live", "/api/live")
OWN = re.compile(r"/(?![/\\])[!-~]*")
ELSEWHERE = [
    "//evil.com", "https://evil.com", "/\\evil.com", "\\\\evil.com", "javascript:alert(1)", "%2f%2fevil.com", "/%2f%2fevil.com",
    "/%09/evil.com", "/\t/evil.com", "https:evil.com", "user@host", "/x\r\nSet-Cookie: a=b", "/x%0d%0aSet-Cookie:%20a=b",
    "data:text/html,x", "/..//evil.com", "///evil.com", "/" + "a" * 5000, "/\u2215evil.com",
]  # fmt: skip
BAD_KEYS = ["", "k" * 256, "two words", '"quoted"', "it's", "tab\tkey", "nul\0", "schl\u00fcssel"]
BAD_TOKENS = ["", "x", "..", "null", "a.b.c", "e30.e30.e30", "x" * 8000, "' OR 1=1--", "../../etc/passwd", "\x00"]
EVENT_IDS = ["", "-1", "0", str(2**63), "1e9", "text", "x" * 10_000, "\0", "a\rb", "a\nb", "\u00fc\u2028", "9" * 400,
             "99999999999.1", "2999-01-01T00:00:00Z"]  # fmt: skip


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


class Asking:
    """Calls that are taken back, and what was answered otherwise than expected."""

    def __init__(self, stage: Stage, name: str, line: str = "I2") -> None:
        self.stage, self.name, self.line, self.count = stage, name, line, 0
        self.wrong: list[str] = []

    async def ask(self, method: str, url: str, person: Any = None, wanted: tuple[int, ...] = (), **more: Any) -> Answer:
        headers = more.get("headers", {})
        if person and method != "GET" and not url.startswith("/api/"):
            headers = {"x-csrf-token": csrf_token(person), **headers}
        async with self.stage.sandbox.rolled_back():
            answer = await call(
                self.stage.app, method, url, person, more.get("body", b""), more.get("kind", ""), headers
            )
        self.count += 1
        if answer.status >= 500 or (wanted and answer.status not in wanted):
            self.wrong.append(f"{method} {url[:90]} {str(headers)[:120]}: {answer.status}, not {wanted}")
        return answer

    def close(self) -> None:
        catalogue.figure(self.line, f"{self.count} {self.name}, {len(self.wrong)} answered otherwise")
        assert self.count
        assert not self.wrong, "\n".join(self.wrong[:40])


def reads(stage: Stage) -> list[Good]:
    return [good for good in goods(stage).values() if good.row.method == "GET" and good.row.path not in STREAMS]


@pytest.mark.D11
async def test_every_path_has_one_spelling(stage: Stage) -> None:
    asking = Asking(stage, "other spellings of paths")
    for good in reads(stage):
        path = good.url.partition("?")[0]
        if path == "/":
            continue
        answer = await asking.ask("GET", path + "/", good.person, (308,))
        if answer.header("location") != path:
            asking.wrong.append(f"{path}/ leads to {answer.header('location')}")
        for other in spellings(path):
            await asking.ask("GET", other, good.person, (404,))
        elsewhere = (
            (200,) if "/rx/" in path else NOT_HERE
        )  # whoever holds a paper asks whether it is genuine: it is not
        await asking.ask("GET", path.rpartition("/")[0] + "/NO-SUCH", good.person, elsewhere)
        await asking.ask("GET", f"{path}%00", good.person, (400,))
        await asking.ask("GET", f"{path}%0d%0aSet-Cookie:x", good.person, (400,))
    asking.close()


def spellings(path: str) -> list[str]:
    """The same path for a careless server."""
    head, _slash, last = path.rpartition("/")
    encoded = f"{head}/%{ord(last[0]):02x}{last[1:]}"
    return [f"/{path}", f"{path}//", f"{path};x=1", f"/x/%2e%2e{path}", f"/.{path}", encoded, f"{path}/{'x' * 10_000}"]


NOT_HERE = (404, 405, 409)  # 405 where the word is a form's section, 409 where it is a link that has ended


@pytest.mark.D11
async def test_only_the_declared_methods_are_taken(stage: Stage) -> None:
    """With `Allow`; a method in a header or in the query changes nothing."""
    asking, known = Asking(stage, "other methods"), goods(stage)
    allowed: dict[str, set[str]] = {}
    for method, path in routes(stage.app):
        allowed.setdefault(path, set()).add(method)
    for path, methods in allowed.items():
        good = next((known[method, path] for method in sorted(methods) if (method, path) in known), None)
        if good is None or path in STREAMS or good.url.startswith(("/schema", "/static")):
            continue
        for method in sorted((METHODS | {"OPTIONS", "TRACE", "FOO"}) - methods):
            answer = await asking.ask(method, good.url, good.person, (405,))
            if not set(answer.header("allow").split(", ")) - {"HEAD"} <= methods or not answer.header("allow"):
                asking.wrong.append(f"{method} {path}: Allow: {answer.header('allow')}")
        if "GET" in methods:
            usual = await asking.ask("GET", known["GET", path].url, known["GET", path].person)
            for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
                await asking.ask(
                    "GET", known["GET", path].url, known["GET", path].person, (usual.status,), headers={name: "DELETE"}
                )
    asking.close()


@pytest.mark.D11
async def test_no_route_answers_to_two_hosts_or_to_forwarded_ones(stage: Stage) -> None:
    asking = Asking(stage, "hosts and forwarded addresses")
    for good in reads(stage):
        told = (200,) if good.url.startswith("/health") else (400,)  # a container asks itself by an address
        await asking.ask("GET", good.url, good.person, told, headers={"host": "evil.com"})
        answer = await asking.ask("GET", good.url, good.person, headers={
            "x-forwarded-host": "evil.com", "forwarded": "for=\"_x\";host=evil.com", "x-forwarded-for": "1.1.1.1, ::1, junk",
            "x-real-ip": "junk", "x-forwarded-proto": "gopher", "x-original-url": "/admin", "x-rewrite-url": "/admin",
        })  # fmt: skip
        if "evil.com" in answer.text + str(answer.headers):
            asking.wrong.append(f"{good.url} speaks of evil.com")
    asking.close()


async def test_no_chosen_or_broken_cookie_is_a_login(stage: Stage) -> None:
    """Whoever brings one is a visitor."""
    asking = Asking(stage, "cookies")
    patient = stage.world.people["owner"]
    assert patient
    secret = patient.secret
    cookies = [
        "__Host-login=chosen", "__Host-login=null", "__Host-login=", f"login={secret}", f"__Secure-login={secret}",
        f"__Host-login={secret[1:]}{secret[0]}", f"__Host-login={secret}; __Host-login=x", f"__Host-login={'x' * 8000}",
        f'__Host-login="{secret}\\073"', f"__Host-LOGIN={secret}", f"__Host-login={secret.upper()}", "__Host-login=\xff\xfe",
        ";;=;",
    ]  # fmt: skip
    for good in reads(stage):
        if good.person is None or good.row.is_api:
            continue
        for cookie in cookies:
            answer = await asking.ask("GET", good.url, None, headers={"cookie": cookie})
            if answer.status != 303 or not answer.header("location").startswith("/login"):
                public = await asking.ask("GET", good.url, None)
                if answer.status != public.status or "zq-owner-" in answer.text:
                    asking.wrong.append(f"{good.url} with {cookie[:40]!r}: {answer.status}")
    asking.close()


@pytest.mark.D4
async def test_no_route_takes_a_broken_token(stage: Stage) -> None:
    asking = Asking(stage, "broken tokens", "D4")
    for good in goods(stage).values():
        access = routes(stage.app)[good.row.method, good.row.path].opt["access"]
        if not good.row.is_api or access.nameless:
            continue
        bodies = set()
        for token in BAD_TOKENS:
            headers = {"authorization": f"Bearer {token}"}
            answer = await asking.ask(good.row.method, good.url, None, (401,), headers=headers)
            bodies.add(re.sub(r'"request_id":"[^"]*"', "", answer.text))
        if len(bodies) != 1:
            asking.wrong.append(f"{good.row.call}: {len(bodies)} different refusals")
    asking.close()


@pytest.mark.B2
async def test_no_post_takes_a_broken_key(stage: Stage) -> None:
    asking = Asking(stage, "broken keys", "B2")
    for good in goods(stage).values():
        if good.row.is_api and good.row.method == "POST":
            body, kind = good.row.content(good.side)
            for key in BAD_KEYS:
                more = {"body": body, "kind": kind, "headers": {"idempotency-key": key}}
                await asking.ask("POST", good.url, good.person, (400,), **more)
    asking.close()


@pytest.mark.D11
async def test_every_next_page_is_our_own(stage: Stage) -> None:
    asking = Asking(stage, "ways elsewhere")
    for good, struct in page_forms(stage):
        if struct is None or not any(one.name == "next" for one in badinputs.plan_of(struct)):
            continue
        for target in ELSEWHERE:
            body = urlencode(good.body | {"next": target}, doseq=True).encode()
            headers = {} if good.person else {"x-csrf-token": csrf_token(None)}
            judge(
                asking, target, await asking.ask("POST", good.url, good.person, body=body, kind=FORM, headers=headers)
            )
    for path in ("/login", "/register", "/register/patient"):
        for target in ELSEWHERE:
            for person in (None, stage.world.people["owner"]):
                judge(asking, target, await asking.ask("GET", f"{path}?next={quote(target)}", person))
    asking.close()


def judge(asking: Asking, target: str, answer: Answer) -> None:
    """Where an answer leads, and where the links and forms of its page would."""
    places = [value for name in ("location", "hx-redirect", "hx-location") for value in answer.all(name)]
    if answer.status == 200:  # in a form that is shown again it is as it was sent, and looked at when it is used
        places += re.findall(r'name="next" value="([^"]+)"', answer.text)
    wrong = [place for place in places if not OWN.fullmatch(place) or "evil" in place or len(place) > 3000]
    if wrong or any("a=b" in value for value in answer.all("set-cookie")):
        asking.wrong.append(f"{target[:60]!r}: {wrong}")


@pytest.mark.F3
async def test_no_event_id_breaks_a_stream(stage: Stage) -> None:
    asking, ids = Asking(stage, "event ids", "F3"), stage.world.sides["owner"].ids
    for path in STREAMS:
        for topic, person in (
            (f"slots:{ids['doctor']}:{ids['day']}", None),
            (f"user:{ids['patient']}", stage.world.people["owner"]),
        ):
            for text in EVENT_IDS:
                await asking.ask("GET", f"{path}?topics={topic}", person, (200, 400), headers={"last-event-id": text})
                await asking.ask("GET", f"{path}?topics={topic}&since={quote(text)}", person, (200, 400))
    asking.close()
