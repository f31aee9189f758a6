"""Bad values of every kind in every field of every route: answered as listed, never with a 5xx (I2); pages keep the text (I3)."""

import html
import re
from collections.abc import AsyncIterator
from time import perf_counter
from urllib.parse import unquote
from zlib import crc32

import pytest

from tests import badinputs
from tests.access.call import FORM, Answer
from tests.access.forms import page_forms
from tests.access.inputs import form_body, goods, json_body, sent, somebody, with_unknown_ids
from tests.access.policy import routes
from tests.access.stage import Stage, settings_for, staged
from tests.badinputs import Case
from tests.badvalues import BODIES

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend")]

JSON = "application/json"
SHARE = 2  # of the bad values of a field one in so many is sent to each route; which, depends on route and field
SMALL = 250_000  # larger bodies are refused before any route, and have their own tests

# Page forms that are never shown again, and why a bad value in them is no reason to stop.
FORGIVING = {
    "/logout": "whoever wants to leave, leaves",
    "/preferences": "the switch stands on every page and has no form of its own",
    "/appointments/{appointment_id}/confirm": "only the way back",
    "/appointments/{appointment_id}/check-in": "only the way back",
    "/appointments/{appointment_id}/start": "only the way back",
    "/appointments/{appointment_id}/complete": "only the way back",
    "/appointments/{appointment_id}/no-show": "only the way back",
}


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


def is_sent(path: str, case: Case, number: int) -> bool:
    """A share of the cases, the same in every run, another one for each route; the first of each answer always."""
    return number == 0 or crc32(f"{path} {case.field} ".encode() + case.raw) % SHARE == 0


def report(name: str, count: int, began: float, wrong: list[str]) -> None:
    print(f"\n{name}: {count} calls, {len(wrong)} wrong, {perf_counter() - began:.1f} s")
    assert count
    assert not wrong, "\n".join(wrong[:40])


async def test_every_bad_json_value_is_refused(stage: Stage) -> None:
    known, began, count, wrong = goods(stage), perf_counter(), 0, []
    for method, path, struct in badinputs.body_routes(stage.app):
        good = known.get((method, path))
        if good is None:
            wrong.append(f"{method} {path} has no policy row with which it succeeds")
            continue
        for number, case in enumerate(badinputs.json_cases(struct)):
            if not is_sent(path, case, number):
                continue
            count += 1
            body = json_body(good.body, case.field, case.raw)
            answer = await sent(stage, method, good.url, good.person, body, JSON)
            if answer.status != case.expected or (answer.status == 422 and case.field not in fields_of(answer)):
                wrong.append(f"{method} {path} {case.field}={case.raw[:60]!r}: {answer.status} {answer.text[:200]}")
    report("JSON values", count, began, wrong)


def fields_of(answer: Answer) -> set[str]:
    return set(re.findall(r'"field":"([^".]*)', answer.text))


async def test_every_bad_body_is_refused(stage: Stage) -> None:
    known, began, count, wrong = goods(stage), perf_counter(), 0, []
    for method, path, _struct in badinputs.body_routes(stage.app):
        good = known[method, path]
        for body, kind, expected in BODIES:
            is_optional = body in (b"", b"null") and not good.row.body
            if len(body) > SMALL or is_optional or (body == b"" and may_be_empty(stage, method, path)):
                continue
            count += 1
            answer = await sent(stage, method, good.url, good.person, body, kind)
            if answer.status != expected and not (body == b"null" and may_be_empty(stage, method, path)):
                wrong.append(f"{method} {path} {body[:40]!r} as {kind}: {answer.status}, not {expected}")
    report("bodies", count, began, wrong)


def may_be_empty(stage: Stage, method: str, path: str) -> bool:
    return bool(routes(stage.app)[method, path].parsed_data_field.has_default)


async def test_every_bad_query_value_is_refused(stage: Stage) -> None:
    known, handlers, began, count, wrong = goods(stage), routes(stage.app), perf_counter(), 0, []
    for number, (method, path, case) in enumerate(badinputs.query_cases(stage.app)):
        if not is_sent(path, case, number % 50):
            continue
        count += 1
        good = known.get((method, path))
        url = good.url.partition("?")[0] if good else with_unknown_ids(path)
        person = good.person if good else somebody(stage, handlers[method, path])
        query = f"{case.field}={case.raw.decode('latin-1')}"
        others = good.row.query and "&".join(
            part for part in good.url.partition("?")[2].split("&") if not part.startswith(f"{case.field}=")
        )
        answer = await sent(stage, method, f"{url}?{query}" + (f"&{others}" if others else ""), person)
        if answer.status != case.expected:
            wrong.append(f"{method} {path}?{query[:80]!r}: {answer.status}, not {case.expected}")
    report("query values", count, began, wrong)


async def test_other_spellings_of_an_id_do_not_exist(stage: Stage) -> None:
    handlers, began, count, wrong = routes(stage.app), perf_counter(), 0, []
    for method, path in badinputs.path_cases(stage.app):
        person = somebody(stage, handlers[method, found]) if (found := template_of(path, method, handlers)) else None
        count += 1
        answer = await sent(stage, method, with_unknown_ids(path), person)
        if answer.status != 404:
            wrong.append(f"{method} {path}: {answer.status}")
    report("path ids", count, began, wrong)


def template_of(path: str, method: str, handlers: dict) -> str | None:  # type: ignore[type-arg]
    """The route that a spoilt path was made from."""
    parts = path.split("/")
    for known_method, known in handlers:
        pieces = known.split("/")
        same = len(pieces) == len(parts) and known_method == method
        if same and all(a == b or a.startswith("{") for a, b in zip(pieces, parts, strict=True)):
            return str(known)
    return None


async def test_every_bad_form_value_is_refused(stage: Stage) -> None:
    known, began, count, wrong = goods(stage), perf_counter(), 0, []
    for (method, path), struct in page_forms(stage.app):
        good = known.get((method, path))
        if good is None or path in FORGIVING:
            wrong += [] if good else [f"{method} {path} has no policy row with which it succeeds"]
            continue
        for number, case in enumerate(badinputs.form_cases(struct)):
            if not is_sent(path, case, number):
                continue
            count += 1
            answer = await sent(stage, method, good.url, good.person, form_body(good.body, case.field, case.raw), FORM)
            problem = answer.status != case.expected or (answer.status == 422 and untied(answer.text, case))
            if problem:
                wrong.append(f"{method} {path} {case.field}={case.raw[:60]!r}: {answer.status}, {problem}")
    report("form values", count, began, wrong)


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


async def test_forms_keep_and_escape_what_was_typed(stage: Stage) -> None:
    """Everything wrong at once, with markup in every field: it stands in its field as text, and nowhere as markup."""
    known, began, count, wrong = goods(stage), perf_counter(), 0, []
    for (method, path), struct in page_forms(stage.app):
        good = known.get((method, path))
        if good is None or path in FORGIVING:
            continue
        count += 1
        body = "&".join(f"{one.name}={badinputs.quote(EVIL)}" for one in badinputs.plan_of(struct)).encode()
        answer = await sent(stage, method, good.url, good.person, body, FORM)
        fields = [given for kind, given in CONTROL.findall(answer.text) if kind == "input" and 'type="text"' in given]
        kept = answer.status not in (422, 409) or not fields or "&gt;&lt;script&gt;alert(1)" in answer.text
        if answer.status not in (422, 409, 303) or "><script>alert" in answer.text or not kept:
            wrong.append(f"{method} {path}: {answer.status}")
    report("forms with markup", count, began, wrong)


EVIL = "\"'><script>alert(1)</script>{{7*7}}"
