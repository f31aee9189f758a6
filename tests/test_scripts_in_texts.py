"""Whatever people write stands in every page, fragment, event, calendar and mail as text, and is never a part of it (D9).

Each answer is asked for twice: with harmless texts in every column, and with hostile ones. Its tags and the names of
their attributes must be the same, and no attribute that a browser or htmx acts upon may hold what somebody wrote.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from jinja2 import Environment

from portal.search import queries
from portal.web import render
from tests import catalogue, payloads
from tests.access.call import Answer
from tests.access.inputs import Good, sent, variants
from tests.access.stage import Stage, settings_for, staged
from tests.payloads import MARK, PAYLOADS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.D9]

AT_ONCE = 1 if catalogue.FULL else 46  # texts in one field
HARMLESS = f"{MARK} plain"
ACTIVE = re.compile(r"^(on|hx-|data-hx-|style$|srcdoc$)")
ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "poster", "content"}
# What may be given out instead of a medicine is found by its words: where one text stands everywhere, another finds another list.
FOUND_BY_WORDS = re.compile(r"/counter/[0-9a-f-]{36}|/api/prescriptions/[0-9a-f-]{36}/counter")
SCHEME = re.compile(r"^[\s\x00-\x1f]*(javascript|data|vbscript|//)", re.IGNORECASE)


class Page(HTMLParser):
    """The bones of a page, and what in it is alive and should not be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.bones: list[str] = []
        self.alive: list[str] = []
        self.within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bones.append(f"<{tag} {' '.join(sorted(name for name, _value in attrs))}>")
        self.within = tag if tag in ("script", "style") else ""
        for name, value in attrs:
            text = value or ""
            is_address = name in ADDRESSES and SCHEME.match(text) is not None and not text.startswith("data:image/")
            if (ACTIVE.match(name) and MARK in text) or (is_address and MARK in text) or MARK in name:
                self.alive.append(f"<{tag} {name}={text[:80]!r}>")

    def handle_endtag(self, tag: str) -> None:
        self.bones.append(f"</{tag}>")
        self.within = ""

    def handle_comment(self, data: str) -> None:
        self.bones.append("<!-- -->")

    def handle_data(self, data: str) -> None:
        if self.within and MARK in data:
            self.alive.append(f"<{self.within}> {data[:80]!r}")


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that are shared for some seconds would show the texts of a moment ago."""
    for name in ("REMEMBERED_SECONDS", "SURROUNDINGS_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(queries, name, -1.0)


def reads(stage: Stage) -> Iterator[Good]:
    """A good call of everything that can be read."""
    yield from (good for good in variants(stage) if good.row.method == "GET" and not good.url.startswith(FILES))


FILES = ("/static/", "/schema", "/health", "/api/health", "/sw.js", "/.well-known", "/metrics", "/api/admin/health")


async def answers(stage: Stage) -> dict[str, Answer]:
    """Every page, fragment, stream, file and JSON answer as it is now."""
    found = {}
    for good in reads(stage):
        found[good.url] = await sent(stage, "GET", good.url, good.person)
    return found


def bones_of(answer: Answer) -> list[str]:
    """What an answer is made of, without the texts in it."""
    kind = answer.header("content-type").partition(";")[0]
    if kind == "text/html":
        return Page(answer.text).bones
    if kind == "text/event-stream":
        data = "\n".join(re.findall(r"^data: ?(.*)$", answer.text, re.MULTILINE))
        return [*(line.partition(":")[0] for line in answer.text.split("\n")), *Page(data).bones]
    if kind == "text/calendar":
        return [line.partition(":")[0] for line in answer.text.replace("\r\n ", "").split("\r\n")]
    return shape(json.loads(answer.body)) if kind.endswith("json") else [kind]


def shape(value: object) -> list[str]:
    """The keys of a JSON answer and the kinds of its values."""
    if isinstance(value, dict):
        return [part for name, inner in value.items() for part in (name, *shape(inner))]
    return [part for inner in value for part in shape(inner)] if isinstance(value, list) else [type(value).__name__]


def faults(url: str, harmless: Answer, hostile: Answer) -> list[str]:
    """What a hostile text has changed in an answer."""
    if harmless.status != hostile.status:
        return [f"{url}: {hostile.status}, and {harmless.status} with harmless texts"]
    kind = hostile.header("content-type")
    alive = Page(hostile.text).alive if kind.startswith(("text/html", "text/event-stream")) else []
    differs = AT_ONCE == 1 and FOUND_BY_WORDS.fullmatch(url)
    before, after = ([], []) if differs else (bones_of(harmless), bones_of(hostile))
    moved = next((b for a, b in zip(before, after, strict=False) if a != b), "") or (
        len(before) != len(after) and "more"
    )
    return [f"{url}: alive: {one}" for one in alive] + ([f"{url}: another page from {moved!r} on"] if moved else [])


def groups() -> list[list[str]]:
    """All payloads, as many at once as there were harmless texts."""
    whole = [*PAYLOADS, *PAYLOADS[: -len(PAYLOADS) % AT_ONCE]]
    return [whole[start : start + AT_ONCE] for start in range(0, len(whole), AT_ONCE)]


async def with_texts(stage: Stage, texts: list[str]) -> tuple[list[str], dict[str, Answer]]:
    """The columns that were filled, and every answer with these texts in them."""
    async with stage.sandbox.rolled_back():
        async with stage.sandbox.without_wall():
            columns = await payloads.fill(stage.sandbox.connection, texts)
        return columns, await answers(stage)


async def test_hostile_texts_are_texts_wherever_they_are_read(stage: Stage) -> None:
    wrong, count, shown = [], 0, 0
    harmless: dict[tuple[str, ...], dict[str, Answer]] = {}
    for group in groups():
        same = tuple(
            re.sub(r"[^\r\n]+", HARMLESS, text) for text in group
        )  # a text of several lines may be several paragraphs
        if same not in harmless:
            harmless[same] = (await with_texts(stage, list(same)))[1]
        columns, hostile = await with_texts(stage, group)
        count += len(hostile)
        shown += sum(MARK in unescape(answer.text) for answer in hostile.values())
        doubtful = [url for url, answer in hostile.items() if faults(url, harmless[same][url], answer)]
        if doubtful:  # time passes meanwhile, and a page may differ for that: both are of the same moment then
            harmless[same] = (await with_texts(stage, list(same)))[1]
        wrong += [fault for url in doubtful for fault in faults(url, harmless[same][url], hostile[url])]
    told = f"{len(PAYLOADS)} texts in {len(columns)} columns, {count} answers, {shown} show them, {len(wrong)} wrong"
    catalogue.figure("D9", told)
    assert not wrong, "\n".join(wrong[:30])
    assert len(PAYLOADS) >= 120 and shown > count / 3


async def test_a_portal_that_forgot_to_escape_is_caught(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive twin: the same templates without escaping, and each payload alone in one of them."""
    careless = render.environment.__wrapped__()
    careless.autoescape = False
    _columns, harmless = await with_texts(stage, [HARMLESS] * AT_ONCE)
    monkeypatch.setattr(render, "environment", lambda: careless)
    _columns, hostile = await with_texts(stage, PAYLOADS[:AT_ONCE])
    pages = [url for url, answer in harmless.items() if answer.header("content-type").startswith("text/html")]
    caught = [url for url in pages if faults(url, harmless[url], hostile[url])]
    assert len(caught) > len(pages) / 3
    attribute = "<input value={{ text }}>{{ text }}"
    lively = [text for text in PAYLOADS if Page(Environment().from_string(attribute).render(text=text)).alive]
    assert len(lively) > len(PAYLOADS) * 0.7, sorted(set(PAYLOADS) - set(lively))


ECHOES = ["/doctors?q={}", "/doctors?near={}", "/login?next={}", "/register/patient?next={}", "/forgotten-password?x={}",
          "/no-such-page?{}", "/api/doctors?sort={}", "/admin/users?q={}", "/admin/audit?action={}",
          "/today?date={}"]  # fmt: skip


async def test_what_stands_in_an_address_is_text_as_well(stage: Stage) -> None:
    """Searches that are shown again, refusals that name a value, and where to go next."""
    wrong, count = [], 0
    system = stage.world.people["system"]
    for form in ECHOES:
        person = system if form.startswith("/admin") else stage.world.people["treating"] if "today" in form else None
        harmless = await sent(stage, "GET", form.format("zx7"), person)
        for text in PAYLOADS[:: 1 if catalogue.FULL else 6]:
            answer = await sent(stage, "GET", form.format(quote(text)), person)
            count += 1
            if answer.status >= 500 or Page(answer.text).alive:
                wrong.append(f"{form} {text!r}: {answer.status} {Page(answer.text).alive}")
            if answer.status == harmless.status and answer.header("content-type").startswith("text/html"):
                wrong += faults(f"{form} {text!r}", harmless, answer)
    catalogue.figure("D9", f"{count} addresses with hostile texts, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:30])
