"""Races for one slot, many slots at once, and how many visits are held and booked in a second."""

import statistics
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from uuid import UUID

from bench.cast import Patient, Times
from bench.client import Caller, at_once, callers, press, request
from bench.figures import Figure, Figures
from bench.servers import Servers, Stage

CALLERS = 100
RACES = 70  # in each of three runs: more than 200 in all
CLIENTS = 16
SECONDS = 4.0
BETWEEN = 0.35  # of the time of our side is enough for the twin, which is quicker

Ask = Callable[[UUID], bytes]


def hold(patient: Patient) -> Ask:
    bearer = patient.bearer
    return lambda slot: request("POST", f"/api/slots/{slot}/hold", Authorization=bearer)


def book(patient: Patient) -> Ask:
    bearer = patient.bearer
    return lambda slot: request(
        "POST", "/api/appointments", b'{"appointment_type":"IN_PERSON","slot_id":"%s"}' % str(slot).encode(),
        Authorization=bearer,
    )  # fmt: skip


def twin(verb: str) -> Callable[[Patient], Ask]:
    """The same request to the bare twin, where the patient is believed without a login."""
    return lambda patient: lambda slot: request("POST", f"/slots/{slot}/{verb}/{patient.id}")


async def race_to_hold(stage: Stage, servers: Servers) -> Figures:
    """100 patients ask for the same slot in the same moment, 70 times a run."""
    return await _race(stage, servers, "hold", hold)


async def race_to_book(stage: Stage, servers: Servers) -> Figures:
    return await _race(stage, servers, "book", book)


async def _race(stage: Stage, servers: Servers, verb: str, ours: Callable[[Patient], Ask]) -> Figures:
    races = 10 if stage.quick else RACES
    times = (await stage.times(a_day=races + 2))[0]
    patients = await stage.patients(CALLERS)
    took, single = await _races(servers.portal, patients, times, ours)
    bare, _ = await _races(servers.twin, patients, times, twin(verb))
    return {
        f"one_winner_{verb}": Figure(100 * single / races, note=f"{single} of {races} races"),
        f"race_{verb}": Figure(took, bare),
    }


async def _races(
    port: int, patients: Sequence[Patient], times: Times, ask: Callable[[Patient], Ask]
) -> tuple[float, int]:
    """The median of the milliseconds that a race takes, and how many had exactly one winner and no error."""
    askers = [ask(patient) for patient in patients]
    took, single = [], 0
    async with AsyncExitStack() as stack:
        crowd = await callers(stack, port, CALLERS)
        for number, slot in enumerate(times.slots):
            elapsed, answers = await at_once(crowd, [asker(slot) for asker in askers])
            if number < 2:  # the first two warm up
                continue
            won = sum(status in (200, 201) for status, _body in answers)
            lost = sum(status == 409 for status, _body in answers)
            single += won == 1 and lost == CALLERS - 1
            took.append(elapsed)
    return statistics.median(took), single


async def all_different(stage: Stage, servers: Servers) -> Figures:
    """100 patients hold, then book, 100 different slots of one doctor in the same moment."""
    times = (await stage.times(a_day=CALLERS, minutes=10))[0]
    patients = await stage.patients(CALLERS)
    async with AsyncExitStack() as stack:
        crowd = await callers(stack, servers.portal, CALLERS)
        statuses: list[int] = []
        for verb in (hold, book):
            asked = [verb(patient)(slot) for patient, slot in zip(patients, times.slots, strict=True)]
            _took, answers = await at_once(crowd, asked)
            statuses += [status for status, _body in answers]
    done = sum(status in (200, 201) for status in statuses)
    return {"none_refused": Figure(100 * done / len(statuses), note=f"{done} of {len(statuses)} requests")}


async def hold_and_book(stage: Stage, servers: Servers) -> Figures:
    """16 patients, each at a doctor of their own: hold a slot, book it, take the next."""
    seconds = 2.0 if stage.quick else SECONDS
    doctors = await stage.times(number=CLIENTS, days=3, a_day=280, minutes=5)
    patients = await stage.patients(CLIENTS)
    rate = await _pairs(servers.portal, patients, doctors, seconds, [hold, book])
    # The twins' own table holds the same slots, one set for each way of asking.
    in_one = await _pairs(servers.twin, patients, doctors, seconds * BETWEEN, [twin("take")])
    more = await stage.times(number=CLIENTS, days=3, a_day=280, minutes=5)
    in_two = await _pairs(servers.twin, patients, more, seconds * BETWEEN, [twin("hold"), twin("book")])
    return {"hold_book": Figure(rate, in_one), "hold_book_two": Figure(rate, in_two)}


async def _pairs(
    port: int,
    patients: Sequence[Patient],
    doctors: Sequence[Times],
    seconds: float,
    verbs: Sequence[Callable[[Patient], Ask]],
) -> float:
    asks = [[verb(patient) for verb in verbs] for patient in patients]

    async def turn(caller: Caller, number: int, done: int) -> None:
        slot = doctors[number].slots[done]
        for ask in asks[number]:
            status, body = await caller.ask(ask(slot))
            if status not in (200, 201):
                raise RuntimeError(f"refused with {status}: {body[:300]!r}")

    rate, _took = await press(port, CLIENTS, seconds, turn)
    return rate
