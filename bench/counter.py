"""Medicines over the counter: 16 pharmacies give out signed prescriptions over the API, each in three parts."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from bench.cast import DOCTOR, PATIENT, Doctor, Patient, Pharmacist, sign_in
from bench.client import Caller, callers, percentile, request
from bench.figures import Figure, Figures
from bench.servers import Servers, Stage
from portal.catalogue.schemas import UnitType
from portal.ids import uuid7
from portal.prescriptions import keys, numbers, statements
from portal.prescriptions.schemas import DoseUnit, Frequency, NewItem

COUNTERS = 16
PAPERS, QUICK_PAPERS = 30, 6  # for each counter
PARTS, PART = 3, 10
PHARMACY = "INSERT INTO pharmacy (id, name, time_zone) VALUES ($1, 'Pharmacy of the bench', 'UTC')"
WORKS_AT = "INSERT INTO pharmacist (account_id, pharmacy_id) VALUES ($1, $2)"
MEDICINE = """
INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type)
VALUES ($1, $2, 'substance', 'tablet', '400 mg', 'TABLETS')
"""
BATCH = """
INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
VALUES ($1, $2, $3, 'B1', current_date + 200, 1, 2, 'EUR')
"""
RECEIVED = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id)
VALUES ($1, $2, $3, 'IN', 100000, 0, $4)
"""
VISITS = """
INSERT INTO appointment (id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, appointment_type, status, booked_by)
SELECT v, p, d, current_date, t, t + interval '15 minutes', 'UTC', 'VIRTUAL', 'COMPLETED', p
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS u (v, p, d, t)
"""
OPENED = "INSERT INTO prescription_access (prescription_id, pharmacy_id, how, patient_id) VALUES ($1, $2, 'OPENED', $3)"
BARE_ITEM = "INSERT INTO bare.item (id, quantity) VALUES ($1, $2)"
BARE_BATCH = "INSERT INTO bare.batch (id, quantity) VALUES ($1, 100000)"


@dataclass
class Counter:
    """A pharmacy with a batch on its shelf, somebody at the counter, and what it is to give out: papers and their items."""

    who: Pharmacist
    batch: UUID
    papers: list[tuple[UUID, UUID]]

    def asked(self, number: int) -> bytes:
        paper, item = self.papers[number]
        body = b'{"identity_checked":true,"items":[{"prescription_item_id":"%s","quantity":%d}]}'
        path = f"/api/prescriptions/{paper}/dispense"
        return request("POST", path, body % (str(item).encode(), PART), Authorization=self.who.bearer)

    def asked_of_twin(self, number: int) -> bytes:
        return request("POST", f"/items/{self.papers[number][1]}/dispense/{self.batch}")


async def dispenses(stage: Stage, servers: Servers) -> Figures:
    """Each counter one after the other: part of each paper, then more of each, then the rest."""
    counters = await make_counters(stage.url, QUICK_PAPERS if stage.quick else PAPERS)
    rounds = [number for _part in range(PARTS) for number in range(len(counters[0].papers))]
    ours, took = await pressed(servers.portal, [[one.asked(number) for number in rounds] for one in counters])
    bare, _ = await pressed(servers.twin, [[one.asked_of_twin(number) for number in rounds] for one in counters])
    await check(stage.url, counters)
    note = f"{len(took)} dispenses, {percentile(took, 0.5):.1f} ms p50, {percentile(took, 0.99):.1f} ms p99"
    return {"dispense": Figure(ours, bare, note)}


async def pressed(port: int, asked: Sequence[Sequence[bytes]]) -> tuple[float, list[float]]:
    """How many a second, and the milliseconds of each."""
    took: list[float] = []

    async def work(caller: Caller, requests: Sequence[bytes]) -> None:
        for one in requests:
            before = time.perf_counter()
            status, body = await caller.ask(one)
            took.append((time.perf_counter() - before) * 1000)
            if status != 201:
                raise RuntimeError(f"refused with {status}: {body[:300]!r}")

    async with AsyncExitStack() as stack:
        crowd = await callers(stack, port, len(asked))
        begun = time.perf_counter()
        await asyncio.gather(*(work(caller, one) for caller, one in zip(crowd, asked, strict=True)))
        return len(took) / (time.perf_counter() - begun), took


async def check(url: str, counters: list[Counter]) -> None:
    """Everything was given out once, on both sides. Raises RuntimeError."""
    wanted = [paper for one in counters for paper, _item in one.papers]
    connection = await asyncpg.connect(url)
    filled = await connection.fetchval(
        "SELECT count(*) FROM prescription WHERE id = ANY ($1) AND status = 'FILLED'", wanted
    )
    gone = await connection.fetch("SELECT quantity FROM batch WHERE id = ANY ($1)", [one.batch for one in counters])
    bare = await connection.fetch(
        "SELECT quantity FROM bare.batch WHERE id = ANY ($1)", [one.batch for one in counters]
    )
    await connection.close()
    left = 100_000 - PARTS * PART * len(counters[0].papers)
    if filled != len(wanted) or {row["quantity"] for row in [*gone, *bare]} != {left}:
        raise RuntimeError(f"{filled} of {len(wanted)} filled")


async def make_counters(url: str, papers: int) -> list[Counter]:
    """Pharmacies, each with a batch of one medicine, and prescriptions of a patient of its own that were opened there."""
    connection = await asyncpg.connect(url)
    people = await sign_in(connection, Pharmacist, COUNTERS)
    patients, doctors = await sign_in(connection, Patient, COUNTERS), await sign_in(connection, Doctor, COUNTERS)
    await connection.executemany(PATIENT, [(one.id,) for one in patients])
    await connection.executemany(DOCTOR, [(one.id,) for one in doctors])
    await connection.execute(statements.KEY, keys.key_id(keys.public_key()), keys.public_key())
    medicine = await a_medicine(connection)
    made = []
    for who, patient, doctor in zip(people, patients, doctors, strict=True):
        pharmacy, batch = uuid7(), uuid7()
        await connection.execute(PHARMACY, pharmacy)
        await connection.execute(WORKS_AT, who.id, pharmacy)
        await connection.execute(BATCH, batch, medicine.catalog_item_id, pharmacy)
        await connection.execute(RECEIVED, medicine.catalog_item_id, batch, pharmacy, who.id)
        await connection.execute(BARE_BATCH, batch)
        signed = await sign(connection, papers, patient.id, doctor.id, medicine)
        await connection.executemany(OPENED, [(paper, pharmacy, patient.id) for paper, _item in signed])
        made.append(Counter(who, batch, signed))
    await connection.execute("ANALYZE prescription, prescription_item, prescription_access, batch")
    await connection.close()
    return made


async def a_medicine(connection: "asyncpg.Connection") -> NewItem:
    item_id = uuid7()
    await connection.execute(MEDICINE, item_id, f"Medicine {item_id.hex[-6:]}")
    return NewItem(
        catalog_item_id=item_id, drug_name=f"Medicine {item_id.hex[-6:]}", active_ingredient="substance", form="tablet",
        strength="400 mg", dose=Decimal(1), dose_unit=DoseUnit.TABLETS, frequency=Frequency.ONCE_DAILY,
        duration_days=PART, quantity=Decimal(PART), unit=UnitType.TABLETS, refills_allowed=PARTS - 1,
    )  # fmt: skip


async def sign(
    connection: "asyncpg.Connection", number: int, patient: UUID, doctor: UUID, medicine: NewItem
) -> list[tuple[UUID, UUID]]:
    """So many prescriptions of a medicine, signed as the portal does it; ids of each and of its one item."""
    now = datetime.now(UTC).replace(microsecond=0)
    made, visits = [(uuid7(), uuid7()) for _ in range(number)], [uuid7() for _ in range(number)]
    times = [now - timedelta(minutes=20 * (place + 1)) for place in range(number)]
    await connection.execute(VISITS, visits, [patient] * number, [doctor] * number, times)
    rows = [row(*ids, visit, patient, doctor, medicine, now) for ids, visit in zip(made, visits, strict=True)]
    async with connection.transaction():
        await connection.executemany(statements.INSERT, rows)
        await connection.executemany(statements.INSERT_ITEMS, [(paper,) for paper, _item in made])
    await connection.executemany(BARE_ITEM, [(item, PARTS * PART) for _paper, item in made])
    return made


def row(
    paper: UUID, item: UUID, visit: UUID, patient: UUID, doctor: UUID, medicine: NewItem, now: datetime
) -> tuple[Any, ...]:
    """What `statements.INSERT` takes."""
    until, code, born = now + timedelta(days=30), numbers.new_code(), datetime(1980, 2, 29, tzinfo=UTC).date()
    content = {
        "id": str(paper), "code": code, "doctor_id": str(doctor), "doctor_name": "Dr Ada", "patient_id": str(patient),
        "patient_name": "Ada Bench", "date_of_birth": born.isoformat(), "appointment_id": str(visit), "clinic_id": None,
        "notes": "", "replaces_id": None, "issued_at": now.isoformat(), "valid_until": until.isoformat(),
        "items": [keys.canonical_item(item, medicine)],
    }  # fmt: skip
    signed = keys.sign(content, code, now, until)
    return (
        paper, code, doctor, patient, visit, None, now, until, "UTC", "en", "Ada Bench", born, "Dr Ada", "", "", "[]",
        None, signed.content, signed.content_hash, signed.signature, signed.key_id,
    )  # fmt: skip
