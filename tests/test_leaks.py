"""Lists, searches, counts and errors tell nobody of things that are not theirs, whatever is filtered and sorted (C9)."""

from collections.abc import AsyncIterator, Iterator
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest

from portal.web.convert import Items, Leaf
from portal.web.query import declared_parameters
from tests import badinputs, catalogue
from tests.access import canaries
from tests.access.call import Answer
from tests.access.inputs import Good, goods, sent
from tests.access.policy import is_let_in, routes
from tests.access.stage import Stage, settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.C9]

# Half a canary, wild cards, and what a stranger knows of somebody.
WORDS = ("zq-", "zq-owner-person", "owner", "%", "_", "\\", "public", "Dana", "+4930")
IDS = ("patient", "doctor", "clinic", "pharmacy", "booked", "session", "video_session", "specialty")
PAGING = {"skip", "limit"}


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


def values_of(stage: Stage, leaf: Leaf) -> list[str]:
    """What a parameter might be asked for."""
    kind = badinputs.kind_of(leaf)
    ids = stage.world.sides["owner"].ids
    if kind == "choice":
        return badinputs.choices_of(leaf)
    return {
        "id": [str(ids[name]) for name in IDS],
        "line": list(WORDS),
        "text": list(WORDS),
        "date": [ids["day"], ids["session_day"]],
        "instant": ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"],
        "int": ["1"],
        "number": ["0", "9999"],
        "bool": ["true", "false"],
        "language": ["en"],
    }.get(kind, [])


def searches(stage: Stage) -> Iterator[tuple[Good, Any, str]]:
    """(call, handler, query) for every filter of every route that reads, one at a time, and each with the search words."""
    handlers = routes(stage.app)
    for key, good in goods(stage).items():
        handler = handlers[key]
        if key[0] != "GET" or not hasattr(handler, "http_methods"):
            continue
        declared = declared_parameters(handler, frozenset(part[1:-1] for part in key[1].split("/") if part[:1] == "{"))
        for name, one in declared.items():
            leaf = badinputs.inner_of(one.node)
            leaf = badinputs.inner_of(leaf.inner) if isinstance(leaf, Items) else leaf
            if isinstance(leaf, Leaf) and name not in PAGING:
                yield from ((good, handler, f"{name}={quote(value)}") for value in values_of(stage, leaf))


def required(good: Good, query: str) -> str:
    """The rest of a call's own query, which it may not do without."""
    name = query.partition("=")[0]
    parts = [part for part in good.url.partition("?")[2].split("&") if part and not part.startswith(name + "=")]
    return "&".join([query, *parts])


async def test_every_private_column_holds_canaries(stage: Stage) -> None:
    """What nobody has marked, no search would find."""
    empty = []
    for name in canaries.COLUMNS:
        table, column = name.split(".")
        for side in ("owner", "other", "elsewhere"):
            sql = f'SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}"::text LIKE $1)'
            if not (await stage.sandbox.all_of(sql, f"%zq-{side}-%"))[0][0] and (name, side) not in SHARED:
                empty.append(f"{name} of {side}")
    assert not empty, f"set canaries in tests/access/things.py: {empty}"


# The other patient has the same pharmacy as the owner.
SHARED = {("pharmacy.licence_number", "other"), ("pharmacist.licence_number", "other")}


async def test_no_filter_shows_what_is_not_theirs(stage: Stage) -> None:
    count, shown, wrong = 0, 0, []
    for good, handler, query in searches(stage):
        for actor, person in stage.world.people.items():
            if not is_let_in(handler.opt["access"], person):
                continue
            answer = await sent(stage, "GET", f"{good.url.partition('?')[0]}?{required(good, query)}", person)
            count += 1
            found = canaries.seen(answer)
            shown += bool(found)
            leaks = [one for one in found if not canaries.AUDIENCES[one[1]] & stage.world.relations(actor, one[0])]
            echoed = canaries.PATTERN.search(query) is not None and set(leaks) <= {("owner", "person")}
            if leaks and not (echoed and only_echoed(answer, query)):
                wrong.append(f"{good.row.call}?{query} as {actor}: {leaks}")
            if answer.status >= 500:
                wrong.append(f"{good.row.call}?{query} as {actor}: {answer.status}")
    catalogue.figure("C9", f"{count} searches, {shown} that showed somebody's own texts, {len(wrong)} leaking")
    assert count > 500
    assert not wrong, "\n".join(wrong[:40])


def only_echoed(answer: Answer, query: str) -> bool:
    """The search word itself stands in its field, in a link of the page, and in an error: that is no answer."""
    text = answer.text.lower()
    return "zq-owner-person-" not in text and "zq-owner-visit" not in text and "owner-person" in query


async def test_totals_count_only_what_is_shown(stage: Stage) -> None:
    """With room for all, the total is the number of entries; beyond the end it is the same."""
    count, wrong = 0, []
    handlers = routes(stage.app)
    for key, good in goods(stage).items():
        handler = handlers[key]
        if key[0] != "GET" or not good.row.is_api or not {"skip", "limit"} <= set(parameters(handler)):
            continue
        for actor, person in stage.world.people.items():
            if not is_let_in(handler.opt["access"], person):
                continue
            base = f"{good.url.partition('?')[0]}?{required(good, 'limit=100')}"
            whole = await sent(stage, "GET", base, person)
            if whole.status != 200:
                continue
            count += 1
            found = msgspec.json.decode(whole.body)
            entries = entries_of(found)
            beyond = msgspec.json.decode((await sent(stage, "GET", base + "&skip=1000", person)).body)
            if found["total"] != min(len(entries), 100) and len(entries) < 100:
                wrong.append(f"{good.row.call} as {actor}: {found['total']} of {len(entries)}")
            if beyond["total"] != found["total"] or entries_of(beyond):
                wrong.append(f"{good.row.call} as {actor}: {beyond['total']} beyond the end")
    catalogue.figure("C9", f"{count} totals of lists, {len(wrong)} that counted more than is shown")
    assert count > 20
    assert not wrong, "\n".join(wrong)


# What a list says beside its entries, and does not count.
BESIDE = {"national_numbers"}


def entries_of(found: dict[str, Any]) -> list[Any]:
    return next(value for name, value in found.items() if isinstance(value, list) and name not in BESIDE)


def parameters(handler: Any) -> set[str]:
    return set(declared_parameters(handler, frozenset())) if hasattr(handler, "http_methods") else set()


async def test_a_stranger_counts_nothing_of_a_patient(stage: Stage) -> None:
    """A list narrowed to somebody else's patient, doctor or clinic is empty and says so."""
    count, wrong = 0, []
    ids = stage.world.sides["owner"].ids
    strangers = ("far patient", "far doctor", "admin elsewhere", "other", "colleague")
    for key, good in goods(stage).items():
        handler = routes(stage.app)[key]
        if key[0] != "GET" or not good.row.is_api or handler.opt["access"].public:
            continue
        narrowing = {"patient_id": ids["patient"], "actor_id": ids["patient"]}
        for name in narrowing.keys() & parameters(handler):
            for actor in strangers:
                person = stage.world.people[actor]
                if is_let_in(handler.opt["access"], person):
                    count += 1
                    answer = await sent(stage, "GET", f"{good.url.partition('?')[0]}?{name}={narrowing[name]}", person)
                    total = msgspec.json.decode(answer.body).get("total") if answer.status == 200 else 0
                    wrong += [f"{good.row.call} by {name} as {actor}: {total}"] if total else []
    catalogue.figure("C9", f"{count} lists narrowed to a stranger's patient, {len(wrong)} that counted something")
    assert count
    assert not wrong, "\n".join(wrong)


SAMPLES = 100
BOUND = 0.005  # seconds between the medians


@pytest.mark.C2
@pytest.mark.parametrize("path", ["/api/appointments/{}", "/api/patients/{}", "/api/profiles/{}", "/appointments/{}"])
async def test_foreign_takes_as_long_as_absent(stage: Stage, path: str) -> None:
    """The time of an answer does not tell whether there is such a thing (C2); one of each in turn."""
    ids = stage.world.sides["owner"].ids
    foreign = ids["booked"] if "appointments" in path else ids["patient"]
    stranger = stage.world.people["far doctor"]
    spent: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(SAMPLES):
        for exists, thing in ((True, foreign), (False, uuid4())):
            began = perf_counter()
            answer = await sent(stage, "GET", path.format(thing), stranger)
            spent[exists].append(perf_counter() - began)
            assert answer.status == 404
    difference = abs(median(spent[True]) - median(spent[False]))
    catalogue.figure("C2", f"{path}: foreign and absent {difference * 1000:.2f} ms apart")
    assert difference < BOUND
