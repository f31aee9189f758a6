"""A forgotten password: one mailed link, once, for an hour; and nobody learns who has an account (D7)."""

import asyncio
import statistics
import time

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests import catalogue, factories
from tests.clients import PASSWORD, audited, bearer, mails_to, registration, submit, token_mailed_to

pytestmark = pytest.mark.anyio

ASK, RESET, LOGIN = "/api/auth/forgotten-password", "/api/auth/reset-password", "/api/auth/login"
ANOTHER = "another three words"


async def asked(client: httpx.AsyncClient, email: str) -> str:
    """An account that has asked for a link; its token."""
    await client.post("/api/auth/register", json=registration(email))
    assert (await client.post(ASK, json={"email": email})).status_code == 202
    return await token_mailed_to(email)


async def can_log_in(client: httpx.AsyncClient, email: str, password: str) -> bool:
    return (await client.post(LOGIN, json={"email": email, "password": password})).status_code == 200


async def test_by_the_api(client: httpx.AsyncClient) -> None:
    body = (await client.post("/api/auth/register", json=registration("api@example.org"))).json()
    token = await asked(client, "api@example.org")
    assert (await client.post(RESET, json={"token": token, "password": ANOTHER})).status_code == 204
    assert await can_log_in(client, "api@example.org", ANOTHER)
    assert not await can_log_in(client, "api@example.org", PASSWORD)
    assert (await client.get("/api/auth/me", headers=bearer(body))).status_code == 401  # every login has ended
    assert await audited("password.forgotten", body["user"]["id"]) == 1
    assert await audited("password.reset", body["user"]["id"]) == 1
    assert "was changed" in (await mails_to("api@example.org"))[-1]


async def test_by_the_pages(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/register", json=registration("page@example.org"))
    sent = await submit(client, "/forgotten-password", {"email": "page@example.org"})
    assert "is on its way" in sent.text
    link = f"/reset-password/{await token_mailed_to('page@example.org')}"
    assert (await submit(client, link, {"password": "short"})).status_code == 422
    stored = await submit(client, link, {"password": ANOTHER})
    assert (stored.status_code, stored.headers["location"]) == (303, "/login")
    assert "new password is saved" in (await client.get("/login")).text
    assert await can_log_in(client, "page@example.org", ANOTHER)
    assert "no longer works" in (await client.get(link)).text


async def test_a_link_works_once_even_at_the_same_moment(client: httpx.AsyncClient) -> None:
    token = await asked(client, "once@example.org")
    tries = [client.post(RESET, json={"token": token, "password": f"choice number {n}"}) for n in range(8)]
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [204] + [409] * 7
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"link_expired"}


async def test_an_old_link_and_an_unknown_one_are_alike(client: httpx.AsyncClient) -> None:
    token = await asked(client, "old@example.org")
    await db.execute("UPDATE password_reset SET expires_at = clock_timestamp()")
    answers = [await client.post(RESET, json={"token": t, "password": ANOTHER}) for t in (token, "never-made")]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


async def test_only_the_hash_of_the_token_is_stored(client: httpx.AsyncClient) -> None:
    token = await asked(client, "hash@example.org")
    stored = await db.fetch("SELECT token_hash FROM password_reset")
    assert token.encode() not in [bytes(row["token_hash"]) for row in stored]


async def test_nobody_fills_an_inbox_and_a_suspended_account_gets_nothing(client: httpx.AsyncClient) -> None:
    await asked(client, "inbox@example.org")
    for _ in range(3):
        assert (await client.post(ASK, json={"email": "inbox@example.org"})).status_code == 202
    assert len(await mails_to("inbox@example.org")) == 1
    suspended = await factories.patient(status="SUSPENDED")
    assert (await client.post(ASK, json={"email": suspended.actor.email})).status_code == 202
    assert await mails_to(suspended.actor.email) == []


@pytest.mark.D7
async def test_the_answer_is_the_same_in_words_and_time(app: Litestar, client: httpx.AsyncClient) -> None:
    """D7: 200 samples, half of them of addresses that have an account, ten at a time."""
    people = [(await factories.patient()).actor.email for _ in range(100)]
    taken: dict[bool, list[float]] = {True: [], False: []}
    texts = set()

    async def ask(email: str, known: bool) -> None:
        begun = time.perf_counter()
        answer = await client.post(ASK, json={"email": email})
        taken[known].append(time.perf_counter() - begun)
        texts.add((answer.status_code, answer.text))

    for n in range(0, 100, 5):
        some = [ask(email, True) for email in people[n : n + 5]]
        await asyncio.gather(*some, *(ask(f"nobody{n + i}@example.org", False) for i in range(5)))
    known, unknown = statistics.median(taken[True]), statistics.median(taken[False])
    catalogue.figure("D7", f"forgotten password: known {known * 1000:.0f} ms, unknown {unknown * 1000:.0f} ms")
    assert len(texts) == 1
    assert abs(known - unknown) < 0.1 * max(known, unknown)
    shown = [await submit(client, "/forgotten-password", {"email": e}) for e in (people[0], "nobody@example.org")]
    pages = {page.text.split("<main")[1].split("</main>")[0].replace(people[0], "nobody@example.org") for page in shown}
    assert len(pages) == 1


async def test_a_mail_is_in_the_language_of_its_reader(client: httpx.AsyncClient) -> None:
    person = await factories.patient()
    await client.post(ASK, json={"email": person.actor.email}, headers={"Accept-Language": "ar"})
    assert (await mails_to(person.actor.email))[0].startswith("Somebody, probably you")


@pytest.mark.parametrize(
    "body", [{}, {"token": "x"}, {"token": "a b", "password": ANOTHER}, {"token": "x", "password": "short"}]
)
async def test_bad_input(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await client.post(RESET, json=body)).status_code == 422
