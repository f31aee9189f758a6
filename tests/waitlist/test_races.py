"""Several workers offer the same free times at once; and the same time is freed, offered and taken again and again."""

import asyncio
import subprocess
import sys
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest

from portal import db
from portal.settings import Settings
from portal.waitlist import actions
from tests import catalogue, factories
from tests.appointments.conftest import Cast, get, post
from tests.owner import as_owner
from tests.portal_server import ROOT
from tests.waitlist.conftest import offer_to, waits
from tests.waitlist.offerers import NAIVE

pytestmark = [pytest.mark.anyio, pytest.mark.A10, pytest.mark.A5]
WORKERS = 3
SLOTS, WAITING = 16, 24
CYCLES = 1_000 if catalogue.FULL else 24


def work(url: str, how: str, slots: list[UUID]) -> None:
    """Three workers get the same list in the same moment."""
    command = [sys.executable, "-m", "tests.waitlist.offerers", url, how]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    for one in workers:
        assert one.stdout and one.stdout.readline() == "ready\n"
    for one in workers:
        assert one.stdin
        one.stdin.write(" ".join(map(str, slots)))
        one.stdin.close()
    assert [one.wait(60) for one in workers] == [0] * WORKERS


async def crowd(client: httpx.AsyncClient, cast: Cast) -> list[UUID]:
    """People who wait for a doctor, and then free times of two days."""
    for _ in range(WAITING):
        await waits(client, await factories.patient(), cast)
    half = SLOTS // 2
    return [
        await factories.slot(cast.doctor.id, factories.tomorrow_at(6, day) + timedelta(minutes=15 * n), clinic_id=cast.clinic_id)
        for day in (1, 2) for n in range(half)
    ]  # fmt: skip


@pytest.mark.race
async def test_no_time_is_offered_twice_by_any_number_of_workers(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    slots = await crowd(client, cast)
    await asyncio.to_thread(work, settings.database_url, "portal", slots)
    rows = await db.fetch("SELECT * FROM waitlist_offer WHERE slot_id = ANY($1)", slots)
    mails = await db.fetch_value("SELECT count(*) FROM mail WHERE subject LIKE 'A time has become free%'")
    kept = await db.fetch_value(
        "SELECT count(*) FROM slot s JOIN waitlist_offer o ON o.slot_id = s.id AND o.patient_id = s.held_by"
        " AND o.expires_at = s.held_until WHERE s.id = ANY($1)", slots,
    )  # fmt: skip
    offered, people = {row["slot_id"] for row in rows}, {row["patient_id"] for row in rows}
    catalogue.figure(
        "A10", f"{WORKERS} workers, {SLOTS} free times: {len(rows)} offers of {len(offered)}, {mails} mails"
    )
    assert len(rows) == len(offered) == len(people) == mails == kept
    await actions.offer_all()  # what each left to the others in the same moment
    assert await db.fetch_value("SELECT count(*) FROM waitlist_offer WHERE slot_id = ANY($1)", slots) == SLOTS
    firsts = await db.fetch_value(
        "SELECT count(*) FROM (SELECT id FROM waitlist_entry WHERE doctor_id = $1 ORDER BY created_at LIMIT $2) e"
        " JOIN waitlist_offer o ON o.entry_id = e.id", cast.doctor.id, SLOTS,
    )  # fmt: skip
    assert firsts >= SLOTS - 2  # those who had waited longest; in one moment one may be passed over for the next time


@pytest.mark.race
async def test_the_naive_twin_offers_twice(client: httpx.AsyncClient, cast: Cast, settings: Settings) -> None:
    await as_owner(NAIVE + "; GRANT ALL ON naive_offer TO PUBLIC")
    slots = await crowd(client, cast)
    await asyncio.to_thread(work, settings.database_url, "naive", slots)
    sql = "SELECT count(*) FROM (SELECT FROM naive_offer GROUP BY slot_id HAVING count(*) > 1) x"
    doubled = await db.fetch_value(sql)
    catalogue.figure("A10", f"naive twin: {doubled} of {SLOTS} times offered more than once")
    assert doubled > 0


async def test_freed_offered_and_taken_again(client: httpx.AsyncClient, cast: Cast) -> None:
    """Two patients hand one time to each other through the list; booking, list of slots and list of waiting agree."""
    slot = await factories.slot(cast.doctor.id, factories.tomorrow_at(9), clinic_id=cast.clinic_id)
    body, whole = {"slot_id": str(slot), "appointment_type": "IN_PERSON"}, 0
    day = {"from": (date.today() + timedelta(days=1)).isoformat()}
    visit = (await post(client, cast.patient, "/appointments", body)).json()["id"]
    pair = [cast.patient, cast.other_patient]

    async def state() -> str:
        return str(
            (await get(client, cast.doctor, f"/doctors/{cast.doctor.id}/slots", **day)).json()["slots"][0]["state"]
        )

    for cycle in range(CYCLES):
        has, wants = pair[cycle % 2], pair[1 - cycle % 2]
        await waits(client, wants, cast)
        way = ("cancel", has) if cycle % 3 else ("no-show", cast.doctor)
        await post(client, way[1], f"/appointments/{visit}/{way[0]}", {"reason": "x"})
        freed = await state()
        offered = await actions.offer_slot(slot)
        kept, offer = await state(), await offer_to(wants)
        answer = await post(client, wants, f"/waitlist/offers/{offer['id']}/accept", {"appointment_type": "IN_PERSON"})
        visit = answer.json().get("id")
        whole += (freed, offered, kept, answer.status_code, await state()) == ("OPEN", True, "HELD", 201, "BOOKED")
    catalogue.figure("A10", f"cancelled, offered, accepted: {whole} of {CYCLES} cycles whole")
    assert whole == CYCLES
