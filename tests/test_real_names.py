"""Names as people have them are taken and shown exactly; two spellings of one name are one name (the bad-input list's names)."""

import html
import json
from collections.abc import AsyncIterator
from unicodedata import normalize

import pytest

from tests import catalogue
from tests.access.call import Answer, call
from tests.access.stage import Stage, settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.I2]

JSON = "application/json"
NAMES = [
    "O'Brien", "O\u2019Brien", "Nguy\u1ec5n", normalize("NFD", "Nguy\u1ec5n"), "\u00c5sa", "\u212bsa", "Zo\u00eb", "X", "Null",
    "null", "None", "undefined", "Jr., Sam", "van der Berg-Lee", "\u0645\u062d\u0645\u062f", "\u674e\u5c0f\u9f8d",
    "\u0905\u092e\u093f\u0924\u093e\u092d", "\u0646\u06cc\u0644\u0648\u0641\u0631\u200c\u067e\u0648\u0631",
    "\U0001f469\u200d\u2695\ufe0f",
    "4", "M4x", "<b>", "{{7*7}}", "=cmd()", "+1", "-1", "@x", "%", "_", "\\", "a & b", '"quoted"', "\u212aelvin", "x" * 100,
]  # fmt: skip
TWINS = [
    ("Nguy\u1ec5n", normalize("NFD", "Nguy\u1ec5n")), ("\u00c5ngstr\u00f6m", "\u212bngstr\u00f6m"), ("Kelvin", "\u212aelvin"),
]  # fmt: skip
BLANK = ["", " ", "\u00a0", "\u3000 \u2003", "\u3164", "\u2800", "\t", "\u200b", "x" * 101, "\u202eabc"]


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


async def renamed(stage: Stage, name: str) -> tuple[Answer, Answer]:
    """The patient under another first name: what the API says of it, and the page."""
    patient = stage.world.people["owner"]
    body = json.dumps({"first_name": name}).encode()
    async with stage.sandbox.rolled_back():
        answer = await call(stage.app, "PATCH", "/api/auth/me", patient, body, JSON)
        return answer, await call(stage.app, "GET", "/settings/details", patient)


async def test_real_names_are_taken_and_shown_exactly(stage: Stage) -> None:
    wrong = []
    for name in NAMES:
        answer, page = await renamed(stage, name)
        kept = normalize("NFC", name)
        shown = html.escape(kept).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
        if answer.status != 200 or json.loads(answer.body)["first_name"] != kept or f'value="{shown}"' not in page.text:
            wrong.append(f"{name!r}: {answer.status}")
    catalogue.figure("I2", f"{len(NAMES)} real names taken and shown exactly, {len(wrong)} not")
    assert not wrong, wrong


async def test_blank_and_hidden_names_are_refused(stage: Stage) -> None:
    answers = {name: (await renamed(stage, name))[0].status for name in BLANK}
    assert set(answers.values()) == {422}, answers


@pytest.mark.parametrize(("one", "twin"), TWINS)
async def test_two_spellings_are_one_name(stage: Stage, one: str, twin: str) -> None:
    """For what has to be unique, and for a search."""
    admin, doctor = stage.world.people["admin here"], stage.world.people["treating"]
    async with stage.sandbox.rolled_back():
        made = [
            await call(stage.app, "POST", "/api/specialties", admin, json.dumps({"name": name}).encode(), JSON)
            for name in (one, twin)
        ]
        assert [answer.status for answer in made] == [201, 409]
        assert (
            await call(stage.app, "PATCH", "/api/auth/me", doctor, json.dumps({"last_name": one}).encode(), JSON)
        ).status == 200
        for query in (one, twin, one.upper()):
            found = await call(stage.app, "GET", f"/api/doctors?q={quoted(query)}")
            assert json.loads(found.body)["total"] == 1, query


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())
