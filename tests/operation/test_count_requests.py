"""What is counted: by template and code, after the commit, in bounded series, for whoever has the token."""

import re
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db, metrics
from portal.appointments.schemas import AppointmentType
from portal.booking import actions as booking
from portal.booking.schemas import NewAppointment
from portal.operation.policy import may_read_figures
from portal.settings import SettingError, Settings
from portal.slots import actions as slots
from tests import factories
from tests.clients import a_client
from tests.operation.conftest import SCRAPE, TOKEN, scrape, value

pytestmark = pytest.mark.anyio

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"},
     {"Cookie": f"login={TOKEN}"}],
)  # fmt: skip
async def test_without_the_token_there_is_no_such_page(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 404 and "portal_request" not in answer.text


async def test_no_token_is_set_by_default(settings: Settings) -> None:
    assert Settings().metrics_token == "" and not may_read_figures("Bearer ", "")
    with pytest.raises(SettingError, match="PORTAL_METRICS_TOKEN"):
        replace(settings, metrics_token="short").check()


async def test_requests_by_template_method_and_class(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    for _ in range(3):
        await client.get(f"/doctors/{uuid4()}")
    await client.get("/health")
    await client.request("BREW", "/health")
    await client.get("/nowhere/mrs-secret")
    after = await scrape(client)

    def more(**labels: str) -> float:
        name = "portal_request_seconds_count"
        return value(after, name, **labels) - value(before, name, **labels)

    assert more(method="GET", route="/doctors/{doctor_id}", status="4xx") == 3
    assert more(method="GET", route="/health", status="2xx") == 1
    assert more(method="other", route="/health", status="4xx") + more(method="other", route="-", status="4xx") == 1
    assert more(method="GET", route="-", status="4xx") == 1


async def test_no_label_tells_of_a_person_and_series_are_bounded(app: Litestar, client: httpx.AsyncClient) -> None:
    """Whatever is asked for, with whatever methods: the number of series stands still, and no id is in any of them."""
    person = await factories.patient(last_name="Mrs-Secret")
    doctor = await factories.doctor(last_name="Dr-Secret")

    async def tour(number: int) -> None:
        async with a_client(app, person) as browser:
            await browser.get("/record")
            await browser.get(f"/doctors/{doctor.id}?q=secret-{number}")
            await browser.get(f"/appointments/{uuid4()}")
            await browser.get(f"/secret-{number}/{uuid4()}")
            await browser.request(f"VERB{number}", "/record", headers={"X-Request-ID": f"secret-{number}"})
            await browser.post("/api/auth/login", json={"email": f"secret{number}@example.com", "password": "wrong"})

    await tour(0)
    first = await client.get("/metrics", headers=SCRAPE)
    remembered = len(metrics._of_requests)
    for number in range(1, 15):
        await tour(number)
    last = await client.get("/metrics", headers=SCRAPE)
    names = [line.rpartition(" ")[0] for line in last.text.splitlines() if not line.startswith("#")]
    assert "ecret" not in last.text and not UUID.search(last.text) and "@" not in last.text
    assert (
        len(names) - len([one for one in first.text.splitlines() if not one.startswith("#")]) <= 20
    )  # /metrics itself
    assert len(metrics._of_requests) <= remembered + 1


async def test_holds_and_bookings_count_after_the_commit(client: httpx.AsyncClient, settings: Settings) -> None:
    doctor, patient, other = await factories.doctor(), await factories.patient(), await factories.patient()
    slot = await factories.slot(doctor.id)
    before = await scrape(client)

    async def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError), db.before_commit(fail):
        await slots.hold_slot(patient.actor, slot, 300)
    wanted = NewAppointment(slot_id=slot, appointment_type=AppointmentType.VIRTUAL)
    with pytest.raises(RuntimeError), db.before_commit(fail):
        await booking.book(patient.actor, wanted, 56)
    assert count(await scrape(client), "held") == count(before, "held"), "a hold that was rolled back counts"
    await client.post(f"/api/slots/{slot}/hold", headers=patient.bearer)
    await client.post(f"/api/slots/{slot}/hold", headers=patient.bearer)
    refused = await client.post(f"/api/slots/{slot}/hold", headers=other.bearer)
    await client.delete(f"/api/slots/{slot}/hold", headers=patient.bearer)
    body = {"slot_id": str(slot), "appointment_type": "VIRTUAL"}
    assert (await client.post("/api/appointments", json=body, headers=patient.bearer)).status_code == 201
    after = await scrape(client)
    assert refused.status_code == 409
    found = {name: count(after, name) - count(before, name) for name in ("held", "again", "refused", "released")}
    assert found == {"held": 1, "again": 1, "refused": 1, "released": 1}
    assert value(after, "portal_bookings_total") - value(before, "portal_bookings_total") == 1
    assert refusals(after, "slot_held") - refusals(before, "slot_held") == 1


def count(samples: dict, outcome: str) -> float:  # type: ignore[type-arg]
    return value(samples, "portal_holds_total", outcome=outcome)


def refusals(samples: dict, code: str) -> float:  # type: ignore[type-arg]
    return value(samples, "portal_refusals_total", code=code)


async def test_wrong_passwords_count(client: httpx.AsyncClient) -> None:
    before = value(await scrape(client), "portal_login_failures_total")
    for _ in range(3):
        await client.post("/api/auth/login", json={"email": "nobody@example.com", "password": "three wrong words"})
    assert value(await scrape(client), "portal_login_failures_total") == before + 3


async def test_a_database_that_is_away_is_told(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    there = await scrape(client)
    monkeypatch.setattr(db.DB, "pool", None)
    away = await scrape(client)
    assert value(there, "portal_database_up") == 1 and value(there, "portal_database_connections") > 0
    assert value(away, "portal_database_up") == 0 and ("portal_database_connections", ()) not in away
    assert value(away, "portal_request_seconds_count", method="GET", route="/metrics", status="2xx") > 0
