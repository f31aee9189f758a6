"""The id in the body does not win (C3): keys of others in every write, in the query, the form and the JSON."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from portal.web.request import input_struct
from tests import catalogue
from tests.access.call import FORM, Answer
from tests.access.forms import form_of
from tests.access.inputs import Good, goods, in_sandbox
from tests.access.matrix import SAFE
from tests.access.policy import routes
from tests.access.stage import Stage, settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.C3]

Rows = set[tuple[str, str]]
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d\d:\d\d")
SERIALS = re.compile(r'"position": \d+')
# What was signed says when, and under which code and name: it stands in the other columns too.
SIGNED = re.compile(
    r'"(code|content|content_hash|signature|issued_at|valid_until|completed_at)": ("(?:[^"\\]|\\.)*"|null)'
)
SECRETS = re.compile(r"\\\\x[0-9a-f]{16,}|\$argon2[^\"]+|[\w-]{43}")


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


def foreign_keys(stage: Stage) -> dict[str, str]:
    """What somebody might hope that we take from them: ids of people elsewhere, roles, states, signatures."""
    ids = stage.world.sides["elsewhere"].ids
    return {
        "id": str(ids["booked"]),
        "patient_id": str(ids["patient"]),
        "doctor_id": str(ids["doctor"]),
        "clinic_id": str(ids["clinic"]),
        "user_id": str(ids["doctor"]),
        "account_id": str(ids["patient"]),
        "actor_id": str(ids["admin"]),
        "booked_by": str(ids["admin"]),
        "held_by": str(ids["patient"]),
        "signed_by": str(ids["doctor"]),
        "role": "SYSTEM_ADMIN",
        "status": "ACTIVE",
        "email": "taken-over@test.example",
        "version": "99",
        "created_at": "2020-01-01T00:00:00Z",
    }


class Attempt:
    """One write with more in it than it should have."""

    def __init__(self, stage: Stage, good: Good, before: Rows) -> None:
        self.stage, self.good, self.before = stage, good, before
        handler = routes(stage.app)[good.row.method, good.row.path]
        self.struct = input_struct(handler) if good.row.is_api else form_of(handler.fn)

    def strange(self) -> dict[str, str]:
        """The foreign keys that are no part of this write's own input."""
        own = {one.encode_name for one in msgspec.structs.fields(self.struct)} if self.struct else set()
        return {name: value for name, value in foreign_keys(self.stage).items() if name not in own}

    async def effect(self, body: bytes, kind: str, query: str = "") -> tuple[Answer, Counter[str]]:
        """The answer, and what has changed, but for what is new each time."""
        url = self.good.url + (f"{'&' if '?' in self.good.url else '?'}{query}" if query else "")
        async with in_sandbox(self.stage, self.good.row.method, url, self.good.person, body, kind) as answer:
            changes = await self.stage.sandbox.changes(self.before)
        return answer, Counter(f"{place} {self.plain(line)}" for place, line in changes)

    def plain(self, line: str) -> str:
        known = {str(value) for side in self.stage.world.sides.values() for value in side.ids.values()}
        line = SIGNED.sub(r'"\1": "…"', line)
        line = UUIDS.sub(lambda found: found[0] if found[0] in known else "…", line)
        return SERIALS.sub("…", SECRETS.sub("…", MOMENTS.sub("…", line)))


async def attempts(stage: Stage) -> AsyncIterator[Attempt]:
    before = await stage.sandbox.rows()
    for (method, _path), good in goods(stage).items():
        if method not in SAFE:
            yield Attempt(stage, good, before)


async def test_unknown_keys_of_json_are_refused_by_name(stage: Stage) -> None:
    count, wrong = 0, []
    async for one in attempts(stage):
        if not one.good.row.is_api or one.struct is None:
            continue
        count += 1
        strange = one.strange()
        answer, changed = await one.effect(msgspec.json.encode(one.good.body | strange), "application/json")
        named = set(re.findall(r'"field":"([^"]*)"', answer.text))
        if answer.status != 422 or changed or not strange.keys() <= named:
            wrong.append(f"{one.good.row.call}: {answer.status}, not named: {sorted(strange.keys() - named)}")
    catalogue.figure("C3", f"{count} JSON writes, {len(wrong)} with an effect")
    assert count
    assert not wrong, "\n".join(wrong)


async def test_unknown_keys_of_a_query_are_refused_or_ignored(stage: Stage) -> None:
    """The API refuses them; a page does what it would have done without them."""
    count, wrong = 0, []
    async for one in attempts(stage):
        count += 1
        body, kind = one.good.row.content(one.good.side)
        usual, usually = await one.effect(body, kind)
        answer, changed = await one.effect(body, kind, urlencode(foreign_keys(stage)))
        refused = answer.status in (400, 422) and not changed
        if not refused and (one.good.row.is_api or answer.status != usual.status or changed != usually):
            wrong.append(f"{one.good.row.call}: {answer.status} {list((changed - usually).items())[:3]}")
    catalogue.figure("C3", f"{count} writes with a foreign query, {len(wrong)} with an effect")
    assert not wrong, "\n".join(wrong)


async def test_unknown_keys_of_a_form_are_refused_or_ignored(stage: Stage) -> None:
    count, wrong = 0, []
    async for one in attempts(stage):
        if one.good.row.is_api:
            continue
        strange = one.strange()
        usual, usually = await one.effect(urlencode(one.good.body, doseq=True).encode(), FORM)
        for name, value in [*strange.items(), ("", "")]:
            count += 1
            more = {name: value} if name else strange
            answer, changed = await one.effect(urlencode(one.good.body | more, doseq=True).encode(), FORM)
            refused = answer.status in (400, 409, 422) and not changed
            if not refused and (answer.status != usual.status or changed != usually):
                wrong.append(
                    f"{one.good.row.call} {name or 'all'}: {answer.status} {list((changed - usually).items())[:3]}"
                )
    catalogue.figure("C3", f"{count} forms with a foreign field, {len(wrong)} with an effect")
    assert count
    assert not wrong, "\n".join(wrong[:40])


async def test_a_key_sent_twice_is_refused(stage: Stage) -> None:
    """The second one does not win either, nor does the first."""
    count, wrong = 0, []
    async for one in attempts(stage):
        first = next(iter(one.good.body.items()), None)
        if first is None or one.struct is None:
            continue
        count += 1
        body, kind = twice(one, *first)
        answer, changed = await one.effect(body, kind)
        many = isinstance(first[1], list)
        if not (answer.status in (400, 422) and not changed) and not many:
            wrong.append(f"{one.good.row.call} {first[0]}: {answer.status}")
    catalogue.figure("C3", f"{count} writes with a key twice, {len(wrong)} with an effect")
    assert count
    assert not wrong, "\n".join(wrong)


def twice(one: Attempt, name: str, value: Any) -> tuple[bytes, str]:
    if one.good.row.is_api:
        again = msgspec.json.encode({name: value})[1:-1]
        return b"{" + again + b"," + msgspec.json.encode(one.good.body)[1:], "application/json"
    return urlencode([(name, value), *one.good.body.items()], doseq=True).encode(), FORM
