"""One effect a key, whatever the caller repeats; keys of others and odd keys lead nowhere."""

import asyncio
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.web import idempotency
from tests import catalogue, factories
from tests.shell import routes
from tests.shell.conftest import a_client, effects

pytestmark = pytest.mark.anyio

KEYS, AT_ONCE, LATER = 500 if catalogue.FULL else 100, 20, 5


async def send(client: httpx.AsyncClient, key: str | None, name: str, path: str = "/api/things") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return await client.post(path, json={"name": name}, headers=headers)


async def heard(client: httpx.AsyncClient, key: str | None, name: str) -> httpx.Response:
    """The answer of a server that may be too busy at first."""
    while (answer := await send(client, key, name)).status_code == 503:
        await asyncio.sleep(0.1)
    return answer


async def storm(client: httpx.AsyncClient, keys: int, *, with_key: bool) -> tuple[str, list[list[httpx.Response]]]:
    """Every key many times at once and a few times later."""
    name, answers = uuid4().hex, []
    gate = asyncio.Semaphore(2)  # forty at once on ten connections: a storm, not an overload

    async def one(number: int) -> list[httpx.Response]:
        key = f"{name}-{number}" if with_key else None
        async with gate:
            first = await asyncio.gather(*(heard(client, key, name) for _ in range(AT_ONCE)))
            return [*first, *[await heard(client, key, name) for _ in range(LATER)]]

    answers = await asyncio.gather(*(one(number) for number in range(keys)))
    return name, answers


@pytest.mark.B1
@pytest.mark.race
async def test_every_key_has_one_effect(program: httpx.AsyncClient) -> None:
    name, answers = await storm(program, KEYS, with_key=True)
    made = await effects(name)
    catalogue.figure("B1", f"{KEYS} keys, {AT_ONCE} times at once and {LATER} later: {made} effects")
    assert made == KEYS
    for of_key in answers:
        answered = [one for one in of_key if one.status_code == 201]
        assert len({one.json()["id"] for one in answered}) == 1, "one body for one key"
        assert sum("idempotent-replayed" not in one.headers for one in answered) == 1
        assert {one.status_code for one in of_key} <= {201, 409}
        assert all(one.json()["code"] == "request_running" for one in of_key if one.status_code == 409)
        assert all(one.status_code == 201 for one in of_key[-LATER:])


@pytest.mark.B1
@pytest.mark.race
async def test_naive_twin_doubles(program: httpx.AsyncClient) -> None:
    """The same storm without keys: the harness is known to bite."""
    name, _answers = await storm(program, 10, with_key=False)
    assert await effects(name) > 10


@pytest.mark.B1
@pytest.mark.race
async def test_naive_twin_that_looks_before_it_claims_doubles(
    program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that reads first and writes later lets several requests through."""
    taken: set[str] = set()

    async def look_then_take(claim: idempotency.Claim) -> None:
        if claim.key in taken:
            raise claim.still_running()
        await db.fetch_value("SELECT 1")
        taken.add(claim.key)

    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(idempotency.Claim, "take", look_then_take)
    monkeypatch.setattr(idempotency.Claim, "mark", nothing)
    name, _answers = await storm(program, 10, with_key=True)
    assert await effects(name) > 10


@pytest.mark.B2
@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("a", 201), ("k" * 255, 201), ("!#$%&()*+,-./:;<=>?@[]^_`{|}~", 201),
        ("", 400), ("k" * 256, 400), ("two words", 400), ('"quoted"', 400), ("it's", 400), ("tab\tkey", 400),
    ],
)  # fmt: skip
async def test_form_of_a_key(program: httpx.AsyncClient, key: str, status: int) -> None:
    answer = await send(program, key, "form")
    assert answer.status_code == status, answer.text


@pytest.mark.B2
async def test_key_with_nul_or_letters_of_other_scripts(program: httpx.AsyncClient) -> None:
    for raw in (b"a\x00b", "schlüssel".encode(), b"\x7f"):
        answer = await program.post("/api/things", json={"name": "x"}, headers=[(b"Idempotency-Key", raw)])
        assert answer.status_code == 400


@pytest.mark.B2
async def test_two_keys_are_refused(program: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    assert (await program.post("/api/things", json={"name": "x"}, headers=headers)).status_code == 400


@pytest.mark.B2
async def test_same_key_for_another_request(program: httpx.AsyncClient) -> None:
    assert (await send(program, "once", "first")).status_code == 201
    other_body = await send(program, "once", "second")
    other_path = await send(program, "once", "first", "/api/public-things")
    catalogue.figure(
        "B2", f"a key with another body {other_body.status_code}, on another path {other_path.status_code}"
    )
    assert [other_body.status_code, other_path.status_code] == [422, 422]
    assert other_body.json()["code"] == "key_reused"
    assert await effects("second") == 0


@pytest.mark.B2
async def test_keys_of_two_people_do_not_meet(app: Litestar, program: httpx.AsyncClient) -> None:
    mine = await send(program, "shared-text", "x")
    other = await factories.patient()
    async with a_client(app, headers=other.bearer) as stranger:
        theirs = await send(stranger, "shared-text", "x")
    seen = theirs.json()["id"] == mine.json()["id"] or "idempotent-replayed" in theirs.headers
    catalogue.figure("B2", f"the same key of another person: their answer seen {seen}")
    assert theirs.status_code == 201 and not seen


@pytest.mark.B2
async def test_visitors_keys_belong_to_the_path(visitor: httpx.AsyncClient) -> None:
    first = await send(visitor, "visitor-key", "x", "/api/public-things")
    again = await send(visitor, "visitor-key", "x", "/api/public-things")
    assert again.json() == first.json() and again.headers["idempotent-replayed"] == "true"


@pytest.mark.B1
async def test_replayed_answer_has_todays_headers(program: httpx.AsyncClient) -> None:
    first, again = await send(program, "headers", "x"), await send(program, "headers", "x")
    assert again.content == first.content and again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert again.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("path", "status"), [("/api/doctors-things", 403), ("/api/things", 401)])
async def test_answers_of_the_moment_are_not_kept(
    program: httpx.AsyncClient, visitor: httpx.AsyncClient, path: str, status: int
) -> None:
    client = program if status == 403 else visitor
    for _ in range(2):
        answer = await send(client, f"moment-{status}", "x", path)
        assert answer.status_code == status and "idempotent-replayed" not in answer.headers


@pytest.mark.B1
async def test_conflicts_are_kept(program: httpx.AsyncClient) -> None:
    before = await effects("conflict")
    answers = [await send(program, "conflict", "conflict", "/api/refused-things") for _ in range(3)]
    assert [one.status_code for one in answers] == [409] * 3
    assert await effects("conflict") == before + 1


@pytest.mark.B1
async def test_failure_after_the_commit_never_doubles(
    program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The effect is there and the answer was a 500: repeating says so instead of doing it again."""
    first = await send(program, "broken", "broken", "/api/refused-things")
    again = await send(program, "broken", "broken", "/api/refused-things")
    monkeypatch.setattr(idempotency, "CLAIM_SECONDS", 0)
    later = await send(program, "broken", "broken", "/api/refused-things")
    assert [first.status_code, again.status_code, later.status_code] == [500, 409, 409]
    assert [again.json()["code"], later.json()["code"]] == ["request_running", "request_done"]
    assert await effects("broken") == 1


@pytest.mark.B1
async def test_crash_before_the_commit_frees_the_key(
    program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim of a process that is gone blocks for the documented time and no longer."""

    async def vanish(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(idempotency.Claim, "mark", vanish)
        with pytest.raises(asyncio.CancelledError):
            await send(program, "crashed", "crashed")
    assert await effects("crashed") == 0
    assert (await send(program, "crashed", "crashed")).json()["code"] == "request_running"
    monkeypatch.setattr(idempotency, "CLAIM_SECONDS", 0)
    assert (await send(program, "crashed", "crashed")).status_code == 201
    assert await effects("crashed") == 1


@pytest.mark.B1
async def test_slow_request_that_lost_its_claim_has_no_effect(
    program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "CLAIM_SECONDS", 0)
    body, headers = {"name": "slow", "seconds": 0.5}, {"Idempotency-Key": "slow"}
    slow = asyncio.create_task(program.post("/api/things", json=body, headers=headers))
    await asyncio.sleep(0.2)
    second = await program.post("/api/things", json=body, headers=headers)
    answers = [await slow, second]
    assert sorted(one.status_code for one in answers) == [201, 409]
    assert await effects("slow") == 1


async def test_answers_are_sealed(program: httpx.AsyncClient) -> None:
    await send(program, "sealed", "x")
    stored = await db.fetch_value("SELECT answer FROM idempotency_key WHERE key = 'sealed'")
    assert stored and b'"id"' not in stored


@pytest.mark.B1
async def test_old_keys_are_forgotten(program: httpx.AsyncClient) -> None:
    await send(program, "old", "x")
    await db.execute("UPDATE idempotency_key SET created_at = created_at - interval '25 hours' WHERE key = 'old'")
    again = await send(program, "old", "x")
    assert again.status_code == 201 and "idempotent-replayed" not in again.headers


async def test_task_that_outlives_its_request_is_not_bound_by_the_key(app: Litestar) -> None:
    """What was started inside a request with a key may write later, when the claim is long gone."""
    started: list[asyncio.Task[int]] = []

    async def later() -> int:
        await asyncio.sleep(0.05)
        return await routes.make("outlived")

    async def inner(*_: object) -> None:
        started.append(asyncio.create_task(later()))

    async def nothing(*_: object) -> None: ...

    await idempotency.work(idempotency.Claim(uuid4(), "gone", b"", uuid4()), inner, {}, nothing, nothing)  # type: ignore[arg-type]
    await started[0]
    assert await effects("outlived") == 1
