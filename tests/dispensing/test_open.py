"""Opening by code and date of birth: every failure looks alike, tries are few, and the audit knows of each."""

from datetime import date, timedelta
from random import Random

import httpx
import pytest

from portal import db
from portal.dispensing import actions, jobs
from portal.dispensing.schemas import CODE_TRIES, PHARMACY_TRIES, Opening
from portal.errors import NotFound, TooMany
from portal.ids import uuid7
from portal.prescriptions.numbers import LENGTH, SIGNS, new_code
from portal.settings import Settings
from tests import catalogue, factories
from tests.dispensing import paper
from tests.dispensing.conftest import audit_of, get, post
from tests.inventory import shelf

pytestmark = pytest.mark.anyio


async def test_whoever_has_code_and_date_opens_it(client: httpx.AsyncClient) -> None:
    rx = await paper.write(await paper.drug(await shelf.item()))
    who = await paper.pharmacist()
    answer = await post(client, who, "/prescriptions/open", rx.opening)
    assert answer.status_code == 200 and answer.json()["id"] == str(rx.id)
    assert answer.json()["patient_name"] == rx.patient.actor.name and answer.json()["refusal"] is None
    assert ("prescription.opened", None) in await audit_of(rx.id)
    listed = (await get(client, who, "/prescriptions/active")).json()
    assert [one["id"] for one in listed["prescriptions"]] == [str(rx.id)]
    colleague = await paper.pharmacist(who.actor.pharmacy_id)
    assert (await get(client, colleague, "/prescriptions/active")).json()["total"] == 1
    assert (await get(client, who, "/prescriptions/active", name="paul")).json()["total"] == 1
    assert (await get(client, who, "/prescriptions/active", name="%")).json()["total"] == 0
    assert (await get(client, await paper.pharmacist(), "/prescriptions/active")).json()["prescriptions"] == []
    again = await post(client, who, "/prescriptions/open", rx.opening | {"code": rx.code.lower()})
    assert again.status_code == 200
    for other in (rx.patient, rx.doctor):
        assert (await post(client, other, "/prescriptions/open", rx.opening)).status_code == 403
        assert (await get(client, other, "/prescriptions/active")).status_code == 403


async def test_every_failure_looks_alike(client: httpx.AsyncClient) -> None:
    rx = await paper.write(await paper.drug(await shelf.item()))
    answers = []
    for asked in (
        {"code": rx.code, "date_of_birth": "1980-02-28"},
        {"code": new_code(), "date_of_birth": paper.BORN},
        {"code": "AAA-AAA-AAA", "date_of_birth": paper.BORN},
        {"code": "no code", "date_of_birth": paper.BORN},
    ):
        answer = await post(client, await paper.pharmacist(), "/prescriptions/open", asked)
        answers.append((answer.status_code, answer.json() | {"request_id": ""}))
    closed = await paper.pharmacist(await shelf.pharmacy(active=False))
    answer = await post(client, closed, "/prescriptions/open", rx.opening)
    answers.append((answer.status_code, answer.json() | {"request_id": ""}))
    assert answers[0][0] == 404 and all(one == answers[0] for one in answers)
    assert await audit_of(rx.id, "DENIED") == [("prescription.opened", "no_match")] * 2
    told = "SELECT count(*) FROM audit_event WHERE patient_id = $1 AND outcome = 'DENIED'"
    assert await db.fetch_value(told, rx.patient.id) == 2  # the patient can see that somebody tried


async def test_tries_are_counted_by_code_and_by_pharmacy(client: httpx.AsyncClient) -> None:
    rx, good = [await paper.write(await paper.drug(await shelf.item())) for _ in range(2)]
    wrong = {"code": rx.code, "date_of_birth": "1980-02-28"}
    for _ in range(CODE_TRIES):  # each at another pharmacy
        assert (await post(client, await paper.pharmacist(), "/prescriptions/open", wrong)).status_code == 404
    fresh = await paper.pharmacist()
    late = await post(client, fresh, "/prescriptions/open", rx.opening)
    assert late.status_code == 429 and int(late.headers["retry-after"]) > 3000
    assert ("prescription.opened", "too_many_requests") in await audit_of(fresh.actor.pharmacy_id, "DENIED")
    for _ in range(3):  # what fits costs nothing
        assert (await post(client, fresh, "/prescriptions/open", good.opening)).status_code == 200
    for _ in range(PHARMACY_TRIES - 1):
        answer = await post(client, fresh, "/prescriptions/open", {"code": new_code(), "date_of_birth": paper.BORN})
        assert answer.status_code == 404
    assert (await post(client, fresh, "/prescriptions/open", good.opening)).status_code == 429
    await db.execute("UPDATE code_try SET since = since - interval '1 hour'")
    assert (await post(client, fresh, "/prescriptions/open", rx.opening)).status_code == 200


@pytest.mark.usefixtures("app")
async def test_counts_that_are_long_over_go(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 2)
    make = "INSERT INTO code_try (whose, tries, since) VALUES ($1, 5, clock_timestamp() - $2::interval)"
    ages = {"now": 0, "over": 2, "kept": 24.9, "long": 25.1, "longer": 100, "longest": 1000}
    for whose, hours in ages.items():
        await db.execute(make, f"age:{whose}", timedelta(hours=hours))
    await jobs.forget_tries(settings)
    kept = await db.fetch("SELECT whose FROM code_try WHERE whose LIKE 'age:%' ORDER BY whose")
    assert [row["whose"] for row in kept] == ["age:kept", "age:now", "age:over"]


@pytest.mark.E8
@pytest.mark.usefixtures("app")
async def test_guessing_finds_nothing() -> None:
    """One pharmacist guesses dates of a known code, and codes of a known date, as fast as can be."""
    papers = [await paper.write(await paper.drug(await shelf.item())) for _ in range(3)]
    guesses, random = 10_000 if catalogue.FULL else 600, Random(5)
    who, hits, refused = (await paper.pharmacist()).actor, 0, 0
    begin = date(1980, 3, 1)
    for number in range(guesses):
        known = papers[number % 3].code
        body = "".join(random.choice(SIGNS) for _ in range(LENGTH - 1))
        code, born = (known, begin + timedelta(days=number)) if number % 2 else (body + "A", date(1980, 2, 29))
        try:
            await actions.open_prescription(who, Opening(code=code, date_of_birth=born))
            hits += 1
        except TooMany:
            refused += 1
        except NotFound:
            pass
    catalogue.figure("E8", f"{guesses} guesses: {hits} hits, {refused} refused by the limit; a code has 36 bits")
    tried = guesses - refused
    assert hits == 0 and len(SIGNS) ** (LENGTH - 1) > 2**36
    well_formed = "SELECT sum(tries) FROM code_try WHERE whose = $1"
    assert await db.fetch_value(well_formed, f"pharmacy:{who.pharmacy_id}") >= PHARMACY_TRIES
    assert tried < guesses / 2 + 2 * PHARMACY_TRIES  # what is no code at all is not counted, and finds nothing either


async def test_without_a_recorded_date_of_birth(client: httpx.AsyncClient) -> None:
    patient = await factories.patient()
    rx = await paper.write(await paper.drug(await shelf.item()), patient=patient)
    assert (
        await post(client, await paper.pharmacist(), f"/prescriptions/{uuid7()}/dispense", rx.wants())
    ).status_code == 404
