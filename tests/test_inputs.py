"""Bad values of every kind in every field of every route: answered as listed, never with a 5xx (I2); pages keep the text (I3)."""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlencode
from zlib import crc32

import pytest

from portal.web.convert import Items, Leaf
from tests import badinputs, catalogue
from tests.access.call import FORM, Answer
from tests.access.forms import page_forms
from tests.access.inputs import form_body, goods, json_body, sent, somebody, with_unknown_ids
from tests.access.policy import routes
from tests.access.stage import Stage, settings_for, staged
from tests.badinputs import Case
from tests.badvalues import BODIES, NOBODY

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend")]

JSON = "application/json"
SHARE = 1 if catalogue.FULL else 4  # of the bad values of a field of a page one in so many is sent to each route
SLOWEST = 0.2  # seconds of one answer, at the full size
SMALL = 250_000  # larger bodies are refused before any route, and have their own tests

# Page forms that are never shown again, and why a bad value in them is no reason to stop.
FORGIVING = {
    "/logout": "whoever wants to leave, leaves",
    "/preferences": "the switch stands on every page and has no form of its own",
    "/appointments/{appointment_id}/confirm": "only the way back",
    "/appointments/{appointment_id}/check-in": "only the way back",
    "/appointments/{appointment_id}/start": "only the way back",
    "/appointments/{appointment_id}/no-show": "only the way back",
    "/appointments/{appointment_id}/missed-call": "only the way back",
    "/video/sessions/{session_id}/join": "what a browser says of itself is kept as it is, and shown nowhere",
    "/repairs/{repair_id}/accept": "only the way back",
    "/repairs/{repair_id}/withdraw": "only the way back",
}


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


def is_sent(route: str, case: Case, number: int) -> bool:
    """A share of the cases, the same in every run, another one for each route; the first of each answer always."""
    return number == 0 or crc32(f"{route} {case.field} ".encode() + case.raw) % SHARE == 0


class Report:
    """What came of the calls of one test."""

    def __init__(self, line: str, name: str) -> None:
        self.line, self.name, self.count, self.slowest = line, name, 0, 0.0
        self.wrong: list[str] = []

    async def sent(self, *call: Any) -> Answer:
        began = perf_counter()
        answer = await sent(*call)
        self.slowest = max(self.slowest, perf_counter() - began)
        self.count += 1
        if answer.status >= 500:
            self.wrong.append(f"{call[1:4]}: {answer.status}")
        return answer

    def close(self) -> None:
        told = f"{self.count} {self.name}, {len(self.wrong)} answered otherwise, slowest {self.slowest * 1000:.0f} ms"
        catalogue.figure(self.line, told)
        assert self.count
        if catalogue.FULL and self.line == "I2":  # times depend on the machine: judged where nothing else runs
            assert self.slowest < SLOWEST, told
        assert not self.wrong, "\n".join(self.wrong[:40])


@pytest.mark.I2
async def test_every_bad_json_value_is_refused(stage: Stage) -> None:
    known, report = goods(stage), Report("I2", "JSON values")
    for method, path, struct in badinputs.body_routes(stage.app):
        good = known.get((method, path))
        if good is None:
            report.wrong.append(f"{method} {path} has no policy row with which it succeeds")
            continue
        for number, case in enumerate(badinputs.json_cases(struct)):
            if not is_sent(path, case, number):
                continue
            body = json_body(good.body, case.field, case.raw)
            answer = await report.sent(stage, method, good.url, good.person, body, JSON)
            if answer.status != case.expected or (answer.status == 422 and case.field not in fields_of(answer)):
                told = f"{method} {path} {case.field}={case.raw[:60]!r}: {answer.status} {answer.text[:200]}"
                report.wrong.append(told)
    report.close()


def fields_of(answer: Answer) -> set[str]:
    """The fields that are named, the outermost of each."""
    return set(re.findall(r'"field":"([^".]*)', answer.text))


@pytest.mark.I2
async def test_every_bad_body_is_refused(stage: Stage) -> None:
    known, report = goods(stage), Report("I2", "bodies")
    for method, path, _struct in badinputs.body_routes(stage.app):
        good = known[method, path]
        for body, kind, expected in BODIES:
            is_optional = body in (b"", b"null") and not good.row.body
            if len(body) > SMALL or is_optional or (body == b"" and may_be_empty(stage, method, path)):
                continue
            answer = await report.sent(stage, method, good.url, good.person, body, kind)
            if answer.status != expected and not (body == b"null" and may_be_empty(stage, method, path)):
                report.wrong.append(f"{method} {path} {body[:40]!r} as {kind}: {answer.status}, not {expected}")
    report.close()


def may_be_empty(stage: Stage, method: str, path: str) -> bool:
    return bool(routes(stage.app)[method, path].parsed_data_field.has_default)


@pytest.mark.I2
async def test_every_bad_query_value_is_refused(stage: Stage) -> None:
    known, report = goods(stage), Report("I2", "query values")
    for number, (method, path, case) in enumerate(badinputs.query_cases(stage.app)):
        if not is_sent(path, case, number % 50):
            continue
        good = known.get((method, path))
        if good is None:
            report.wrong.append(f"{method} {path} has no policy row with which it succeeds")
            continue
        url, _mark, usual = good.url.partition("?")
        others = "&".join(part for part in usual.split("&") if part and not part.startswith(f"{case.field}="))
        query = f"{case.field}={case.raw.decode('latin-1')}"
        answer = await report.sent(stage, method, f"{url}?{query}" + (f"&{others}" if others else ""), good.person)
        if answer.status != case.expected:
            report.wrong.append(f"{method} {path}?{query[:80]!r}: {answer.status}, not {case.expected}")
    report.close()


@pytest.mark.I2
async def test_other_spellings_of_an_id_do_not_exist(stage: Stage) -> None:
    """Nor does the id of nobody, in its own spelling."""
    handlers, report = routes(stage.app), Report("I2", "ids in paths")
    for method, path in badinputs.path_cases(stage.app):
        person = somebody(stage, handlers[method, found]) if (found := template_of(path, method, handlers)) else None
        answer = await report.sent(stage, method, with_unknown_ids(path), person)
        if answer.status != 404:
            report.wrong.append(f"{method} {path}: {answer.status}")
    for (method, path), good in goods(stage).items():
        ids = [name for name in good.row.ids if "{" + name + "}" in path and good.row.ids[name][0] != "="]
        if ids:
            nobody = replace(good.side, ids={**good.side.ids, **{good.row.ids[name]: NOBODY for name in ids}})
            body, kind = good.row.content(good.side)
            answer = await report.sent(stage, method, good.row.url(nobody), good.person, body, kind)
            if answer.status not in (*good.row.refusal, 404):
                report.wrong.append(f"{method} {path} of nobody: {answer.status}")
    report.close()


def template_of(path: str, method: str, handlers: dict) -> str | None:  # type: ignore[type-arg]
    """The route that a spoilt path was made from."""
    parts = path.split("/")
    for known_method, known in handlers:
        pieces = known.split("/")
        same = len(pieces) == len(parts) and known_method == method
        if same and all(a == b or a.startswith("{") for a, b in zip(pieces, parts, strict=True)):
            return str(known)
    return None


@pytest.mark.I3
async def test_every_bad_form_value_is_refused(stage: Stage) -> None:
    report = Report("I3", "form values")
    for good, struct in page_forms(stage):
        if struct is None or good.row.path in FORGIVING:
            continue
        for number, case in enumerate(badinputs.form_cases(struct)):
            if not is_sent(good.row.call, case, number):
                continue
            body = form_body(good.body, case.field, case.raw)
            answer = await report.sent(stage, "POST", good.url, good.person, body, FORM)
            problem = answer.status != case.expected or (answer.status == 422 and untied(answer.text, case))
            if problem:
                report.wrong.append(f"{good.row.call} {case.field}={case.raw[:60]!r}: {answer.status}, {problem}")
    report.close()


def test_every_page_that_is_posted_is_tried(stage: Stage) -> None:
    """A form that nobody reads here, and a page without a row, would be no test at all."""
    tried = {good.row.path: (good, struct) for good, struct in page_forms(stage)}
    posted = {
        path for method, path in routes(stage.app) if method == "POST" and not path.startswith(("/api/", "/fhir/"))
    }
    assert posted == tried.keys()
    unread = [path for path, (good, struct) in tried.items() if struct is None and good.row.body]
    assert not unread, f"tests/access/forms.py does not find the form of {unread}"


CONTROL = re.compile(r"<(input|textarea|select)\b([^>]*)>")


def untied(page: str, case: Case) -> str:
    """What is missing in a form that is shown again: its message, the tie between the two, or the text."""
    controls = [
        (kind, given) for kind, given in CONTROL.findall(page)
        if f'name="{case.field}"' in given and 'type="hidden"' not in given
    ]  # fmt: skip
    if not controls:
        return "" if 'role="alert"' in page or "<h1" in page else "a blank page"
    if f'id="e-{case.field}"' not in page:
        return "no message at the field"
    if page.count(f'id="e-{case.field}"') != 1:
        return "more than one message"
    if f"e-{case.field}" not in " ".join(re.findall(r'aria-describedby="([^"]*)"', page)):
        return "the message is not tied to its control"
    return lost(page, case, controls)


def lost(page: str, case: Case, controls: list[tuple[str, str]]) -> str:
    """The typed text is in the field again, escaped; never of a password, and not in a choice that has no such option."""
    kind, given = controls[0]
    text = unquote(case.raw.decode("latin-1"))
    if kind == "select" or re.search(r'type="(password|radio|checkbox)"', given) or not text.isprintable():
        return ""
    shown = html.escape(text, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    return "" if shown in page or not text.strip() else "the text is lost"


@pytest.mark.I3
async def test_forms_keep_and_escape_what_was_typed(stage: Stage) -> None:
    """Everything wrong at once, with markup in every field: it stands in its field as text, and nowhere as markup."""
    report = Report("I3", "forms with markup in every field")
    for good, struct in page_forms(stage):
        if struct is None or good.row.path in FORGIVING:
            continue
        body = "&".join(f"{one.name}={badinputs.quote(EVIL)}" for one in badinputs.plan_of(struct)).encode()
        answer = await report.sent(stage, "POST", good.url, good.person, body, FORM)
        fields = [given for kind, given in CONTROL.findall(answer.text) if kind == "input" and 'type="text"' in given]
        kept = answer.status not in (422, 409) or not fields or "&gt;&lt;script&gt;alert(1)" in answer.text
        if answer.status not in (422, 409, 303) or "><script>alert" in answer.text or not kept:
            report.wrong.append(f"{good.row.call}: {answer.status}")
    report.close()


@pytest.mark.I3
async def test_ticked_boxes_stay_ticked(stage: Stage) -> None:
    """Two of a group are ticked, and something else is wrong."""
    report = Report("I3", "forms with two boxes ticked")
    for good, struct in page_forms(stage):
        for one in badinputs.plan_of(struct) if struct else ():
            node = badinputs.inner_of(one.node)
            entry = badinputs.inner_of(node.inner) if isinstance(node, Items) else None
            if not isinstance(entry, Leaf):
                continue
            given = good.body | {one.name: badinputs.two_of(entry), "no_such_field": "1"}
            answer = await report.sent(
                stage, "POST", good.url, good.person, urlencode(given, doseq=True).encode(), FORM
            )
            boxes = re.findall(rf'type="checkbox"[^>]*name="{one.name}"[^>]*', answer.text)
            if answer.status != 422 or (boxes and sum("checked" in box for box in boxes) != 2):
                report.wrong.append(f"{good.row.call} {one.name}: {answer.status} {boxes}")
    report.close()


EVIL = "\"'><script>alert(1)</script>{{7*7}}"
