"""The attacks of the races, made in the same way on the portal and on its naive twin."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from portal import db
from portal.accounts import tokens
from tests import factories
from tests.appointments.life import DECLARED, ENDS
from tests.crowd import Call, Pressed, press
from tests.factories import Person

PLACES, CALLERS = 100, 100
Answers = list[tuple[int, Any]]


def token_of(who: Person) -> str:
    return tokens.issue_access_token(who.actor)


def booking(slot_id: UUID | str, **more: Any) -> dict[str, Any]:
    return {"slot_id": str(slot_id), "appointment_type": "IN_PERSON", **more}


def hold_call(token: str, slot_id: UUID | str) -> Call:
    return ("POST", f"/api/slots/{slot_id}/hold", token, None, "")


def book_call(token: str, slot_id: UUID | str, key: str = "") -> Call:
    return ("POST", "/api/appointments", token, booking(slot_id), key)


async def pressed(url: str, calls: list[Call], **more: Any) -> Answers:
    return (await asyncio.to_thread(press, url, calls, **more)).answers


async def all_want_all(url: str, people: list[str], slot_ids: list[UUID]) -> Pressed:
    """Everybody wants every slot, slot by slot."""
    return await asyncio.to_thread(press, url, [book_call(token, slot) for slot in slot_ids for token in people])


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


async def steal(url: str, owners: dict[UUID, str]) -> tuple[list[bool], int]:
    """Others try to book and to hold what is kept; its owner books it in the middle. For each that won: was it the owner?"""
    thieves = [token_of(await factories.patient()) for _ in range(10)]
    calls: list[Call] = []
    for slot, own in owners.items():
        attempts = [book_call(thief, slot) for thief in thieves * 4]
        attempts += [hold_call(thief, slot) for thief in thieves]
        attempts.insert(len(attempts) // 2, book_call(own, slot))
        calls += attempts
    answers = await pressed(url, calls)
    own = set(owners.values())
    won = [call[2] in own for call, (status, _body) in zip(calls, answers, strict=True) if status in (200, 201)]
    return won, len(calls)


async def use_all(url: str, owners: dict[UUID, str]) -> Counter[Any]:
    """Every owner books what is kept for them while that ends: how often which answer."""
    answers = await pressed(url, [book_call(own, slot) for slot, own in owners.items()])
    return Counter(body["code"] if status == 409 else status for status, body in answers)


def late(made: dict[UUID, datetime], ends: dict[UUID, datetime]) -> int:
    """How many were booked after their hold had ended, by the database's clock; a statement takes a moment."""
    return sum(at > ends[slot] + timedelta(milliseconds=100) for slot, at in made.items())


async def join(url: str, session_id: UUID, day: date) -> tuple[list[int], Counter[str]]:
    """N + 200 patients want a place of a session with N: the numbers given in order, and the refusals."""
    body = {"session_id": str(session_id), "date": day.isoformat(), "appointment_type": "VIRTUAL"}
    joiners = [token_of(await factories.patient()) for _ in range(PLACES + 200)]
    answers = await pressed(url, [("POST", "/api/appointments", one, body, "") for one in joiners])
    numbers = sorted(answer["queue_position"] for status, answer in answers if status == 201)
    return numbers, Counter(answer["code"] for status, answer in answers if status != 201)


async def callers_at_once(
    url: str, calls: Callable[[str, UUID], Call], people: list[str], slot_ids: list[UUID]
) -> Counter[int]:
    """A hundred callers at once for one slot, and then for the next: how often a slot had so many winners."""
    choose = random.Random(11)
    asked = [calls(who, slot) for slot in slot_ids for who in choose.sample(people, CALLERS)]
    answers = await pressed(url, asked, connections=CALLERS // 2)
    won = [status in (200, 201) for status, _body in answers]
    return Counter(sum(won[first : first + CALLERS]) for first in range(0, len(won), CALLERS))


async def two_confirm(url: str, slot_ids: list[UUID]) -> tuple[Counter[int], Counter[int]]:
    """Two patients confirm one time at once, then whoever got it confirms the visit twice at once: successes per pair."""
    people = [token_of(await factories.patient()) for _ in range(12)]
    asked = [book_call(people[(n + second * 5) % 12], slot) for n, slot in enumerate(slot_ids) for second in (0, 1)]
    answers = await pressed(url, asked, processes=1)  # one client, so that pairs stay together
    visits = [(call[2], body["id"]) for call, (status, body) in zip(asked, answers, strict=True) if status == 201]
    again = [("POST", f"/api/appointments/{visit}/confirm", token, None, "") for token, visit in visits for _ in (0, 1)]
    confirmed = await pressed(url, again, processes=1)
    return pairs_won(answers, 201), pairs_won(confirmed, 200)


def pairs_won(answers: Answers, success: int) -> Counter[int]:
    """How many of each two were answered with success, the other one with 409: how often which number."""
    statuses = [status for status, _body in answers]
    assert set(statuses) <= {success, 409}, Counter(statuses)
    return Counter(pair.count(success) for pair in zip(statuses[::2], statuses[1::2], strict=True))


async def lead(url: str, visits: list[str], tokens: dict[str, str], attempts: int) -> list[list[tuple[str, int]]]:
    """Everybody leads every visit on at random, all at once: what was tried on each visit, and what was answered."""
    choose = random.Random(13)
    actions = [action for action in DECLARED if action != "reschedule"]
    tried = [(visit, choose.choice(actions)) for visit in visits for _ in range(attempts)]
    calls = [
        ("POST", f"/api/appointments/{visit}/{action}", tokens[choose.choice(list(tokens))],
         {"reason": "x"} if action == "cancel" else None, "")
        for visit, action in tried
    ]  # fmt: skip
    answers = await pressed(url, calls)
    found = [(action, status) for (_visit, action), (status, _body) in zip(tried, answers, strict=True)]
    return [found[first : first + attempts] for first in range(0, len(found), attempts)]


def ends(tried: list[tuple[str, int]]) -> int:
    """How many attempts ended one visit."""
    return sum(status == 200 and DECLARED[action][2] in ENDS for action, status in tried)


async def repeat(url: str, once: list[Call]) -> tuple[Answers, Answers]:
    """Each call made 20 times at once, and 5 times later, with its key."""
    answers = await pressed(url, [call for call in once for _ in range(20)])
    later = await pressed(url, once * 5)
    return answers, later


async def bookings_with_keys(slot_ids: list[UUID]) -> list[Call]:
    people = [token_of(await factories.patient()) for _ in range(10)]
    return [book_call(people[n % 10], slot, f"key-{n}") for n, slot in enumerate(slot_ids)]


async def book_and_end(url: str, cycles: int) -> int:
    """Book, then cancel, miss or move, then book again: in how many cycles list and booking said the same, and all went."""
    doctor, patient = await factories.doctor(), await factories.patient()
    slot_id, other = await factories.slots(doctor.id, 2)
    day = {"from": (date.today() + timedelta(days=1)).isoformat()}
    whole = 0
    async with httpx.AsyncClient(base_url=f"{url}/api", timeout=30) as client:

        async def end(visit: str, how: str, who: Person) -> httpx.Response:
            body = {"slot_id": str(other)} if how == "reschedule" else {"reason": "x"}
            return await client.post(f"/appointments/{visit}/{how}", json=body, headers=who.bearer)

        async def states() -> list[str]:
            return [
                one["state"] for one in (await client.get(f"/doctors/{doctor.id}/slots", params=day)).json()["slots"]
            ]

        for cycle in range(cycles):
            visit = await client.post("/appointments", json=booking(slot_id), headers=patient.bearer)
            if visit.status_code != 201:
                continue
            booked = await states()
            how, who = [("cancel", patient), ("no-show", doctor), ("reschedule", patient)][cycle % 3]
            ended = await end(visit.json()["id"], how, who)
            freed = await states()
            if how == "reschedule":
                await end(ended.json()["id"], "cancel", patient)
            moved = "BOOKED" if how == "reschedule" else "OPEN"
            whole += (booked, ended.is_success, freed) == (["BOOKED", "OPEN"], True, ["OPEN", moved])
    return whole
