"""The attacks of the races, made in the same way on the portal and on its naive twin."""

import asyncio
import time
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from portal import db
from portal.accounts import tokens
from tests import factories
from tests.crowd import Call, press
from tests.factories import Person

PLACES = 100
Answers = list[tuple[int, Any]]


def token_of(who: Person) -> str:
    return tokens.issue_access_token(who.actor)


def booking(slot_id: UUID | str, **more: Any) -> dict[str, Any]:
    return {"slot_id": str(slot_id), "appointment_type": "IN_PERSON", **more}


def book_call(token: str, slot_id: UUID | str, key: str = "") -> Call:
    return ("POST", "/api/appointments", token, booking(slot_id), key)


async def pressed(url: str, calls: list[Call], **more: Any) -> tuple[Answers, float]:
    begun = time.perf_counter()
    answers = await asyncio.to_thread(press, url, calls, **more)
    return answers, time.perf_counter() - begun


async def all_want_all(url: str, people: list[str], slot_ids: list[UUID]) -> tuple[Answers, float]:
    """Everybody wants every slot, slot by slot."""
    return await pressed(url, [book_call(token, slot) for slot in slot_ids for token in people])


async def kept(number: int, seconds: str) -> tuple[dict[UUID, str], dict[UUID, datetime]]:
    """Slots of several doctors, each kept by a patient of its own for as long as the SQL text says: whose, until when."""
    slot_ids = [
        await factories.slot((await factories.doctor()).id, factories.tomorrow_at(9, 1 + n % 3)) for n in range(number)
    ]
    owners = [await factories.patient() for _ in slot_ids]
    rows = await db.fetch(
        "UPDATE slot SET held_by = p.id, held_until = clock_timestamp() + $3::text::interval * (0.1 + random())"
        " FROM unnest($1::uuid[], $2::uuid[]) AS p (slot, id) WHERE slot.id = p.slot RETURNING slot.id, held_until",
        slot_ids, [one.id for one in owners], seconds,
    )  # fmt: skip
    return dict(zip(slot_ids, map(token_of, owners), strict=True)), dict(rows)


async def steal(url: str, owners: dict[UUID, str]) -> tuple[list[bool], int, float]:
    """Others try to book and to hold what is kept; its owner books it in the middle. For each that won: was it the owner?"""
    thieves = [token_of(await factories.patient()) for _ in range(10)]
    calls: list[Call] = []
    for slot, own in owners.items():
        attempts = [book_call(thief, slot) for thief in thieves * 4]
        attempts += [("POST", f"/api/slots/{slot}/hold", thief, None, "") for thief in thieves]
        attempts.insert(len(attempts) // 2, book_call(own, slot))
        calls += attempts
    answers, seconds = await pressed(url, calls)
    own = set(owners.values())
    won = [call[2] in own for call, (status, _body) in zip(calls, answers, strict=True) if status in (200, 201)]
    return won, len(calls), seconds


async def use_all(url: str, owners: dict[UUID, str]) -> tuple[Counter[Any], float]:
    """Every owner books what is kept for them while that ends: how often which answer."""
    answers, seconds = await pressed(url, [book_call(own, slot) for slot, own in owners.items()])
    return Counter(body["code"] if status == 409 else status for status, body in answers), seconds


def late(made: dict[UUID, datetime], ends: dict[UUID, datetime]) -> int:
    """How many were booked after their hold had ended, by the database's clock; a statement takes a moment."""
    return sum(at > ends[slot] + timedelta(milliseconds=100) for slot, at in made.items())


async def join(url: str, session_id: UUID, day: date) -> tuple[list[int], Counter[str], float]:
    """N + 200 patients want a place of a session with N: the numbers given in order, and the refusals."""
    body = {"session_id": str(session_id), "date": day.isoformat(), "appointment_type": "VIRTUAL"}
    joiners = [token_of(await factories.patient()) for _ in range(PLACES + 200)]
    answers, seconds = await pressed(url, [("POST", "/api/appointments", one, body, "") for one in joiners])
    numbers = sorted(answer["queue_position"] for status, answer in answers if status == 201)
    return numbers, Counter(answer["code"] for status, answer in answers if status != 201), seconds


async def repeat(url: str, slot_ids: list[UUID]) -> tuple[Answers, Answers]:
    """Each booking asked 20 times at once, and 5 times later, with one key."""
    people = [token_of(await factories.patient()) for _ in range(10)]
    once = [book_call(people[n % 10], slot, f"key-{n}") for n, slot in enumerate(slot_ids)]
    answers, _seconds = await pressed(url, [call for call in once for _ in range(20)])
    later, _seconds = await pressed(url, once * 5)
    return answers, later


async def book_and_end(url: str, cycles: int) -> int:
    """Book, then cancel or miss, then book again: in how many cycles slot list and booking said the same, and all went."""
    doctor, patient = await factories.doctor(), await factories.patient()
    slot_id = await factories.slot(doctor.id)
    day = {"from": (date.today() + timedelta(days=1)).isoformat()}
    whole = 0
    async with httpx.AsyncClient(base_url=f"{url}/api", timeout=30) as client:
        for cycle in range(cycles):
            visit = await client.post("/appointments", json=booking(slot_id), headers=patient.bearer)
            if visit.status_code != 201:
                continue
            [booked] = (await client.get(f"/doctors/{doctor.id}/slots", params=day)).json()["slots"]
            how, who = [("cancel", patient), ("no-show", doctor)][cycle % 2]
            path = f"/appointments/{visit.json()['id']}/{how}"
            ended = await client.post(path, json={"reason": "x"}, headers=who.bearer)
            [free] = (await client.get(f"/doctors/{doctor.id}/slots", params=day)).json()["slots"]
            whole += (booked["state"], ended.status_code, free["state"]) == ("BOOKED", 200, "OPEN")
    return whole
