"""How right the times are that waiting patients are shown: whole mornings lived through, with the portal's own estimates.

The world of these mornings is not the one that `portal/queues/estimates.py` supposes: doctors who come late or are called
away, lengths with a heavy tail, days of another pace, no-shows, late patients, people without a booking. Beside it stands
the formula that is common elsewhere: those ahead × the usual length, from now on. Every number is drawn from a seed.
"""

import heapq
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.figures import Figure, Figures
from portal.queues.estimates import Day, Practice, Turn, predict

DAYS, QUICK_DAYS = 60, 20
PAST_DAYS = 5  # from which a doctor's practice is known
EVERY = 15  # minutes between two looks at the screen
AHEAD = 90  # minutes before their time in which patients look
OPENS = datetime(2026, 3, 3, 9, tzinfo=UTC)


@dataclass
class Doctor:
    """The truth about a doctor, which nobody knows."""

    planned: int
    usual: float
    spread: float
    places: int
    past: list["Visit"] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    turnovers: list[float] = field(default_factory=list)
    expected: int = 0
    missed: int = 0
    walk_ins: int = 0


@dataclass
class Visit:
    number: int
    rank: float
    planned: float  # minutes after the opening
    comes: float | None  # none: not at all
    length: float
    walk_in: bool = False
    began: float | None = None
    ended: float | None = None


@dataclass
class Score:
    errors: list[float] = field(default_factory=list)
    inside: int = 0
    widths: list[float] = field(default_factory=list)


def doctor(luck: random.Random) -> Doctor:
    planned = luck.choice([10, 15, 15, 20])
    return Doctor(planned, planned * luck.uniform(0.75, 1.2), luck.uniform(0.35, 0.55), luck.choice([12, 14, 16]))


def morning(luck: random.Random, who: Doctor) -> tuple[list[Visit], float, float]:
    """The day's visits, when the doctor comes, and how much longer everything takes today."""
    pace = luck.lognormvariate(0, 0.14)
    late = luck.choices([luck.gauss(1, 3), luck.gauss(10, 5), luck.gauss(28, 10)], [60, 30, 10])[0]

    def length() -> float:
        tail = luck.uniform(2, 3) if luck.random() < 0.05 else 1.0
        return max(2.0, who.usual * luck.lognormvariate(0, who.spread) * tail * pace)

    visits = []
    for number in range(1, who.places + 1):
        planned = (number - 1) * who.planned
        early = luck.gauss(13, 9) if luck.random() > 0.13 else -luck.expovariate(1 / 11)
        comes = None if luck.random() < 0.11 else planned - early
        visits.append(Visit(number, number, planned, comes, length()))
    for nth in range(luck.choice([0, 0, 1, 2])):
        comes = luck.uniform(0, who.places * who.planned * 0.8)
        visits.append(Visit(who.places + 1 + nth, comes / who.planned + 2.5, comes, comes, length(), walk_in=True))
    return visits, late, pace


def live_through(luck: random.Random, who: Doctor, score: tuple[Score, Score] | None) -> None:
    """One day, minute by minute: who is called when, and what the screens show in between."""
    visits, late, _pace = morning(luck, who)
    free, looks = late, list(range(-60, 400, EVERY))
    coming = sorted((one for one in visits if one.comes is not None), key=lambda one: one.comes or 0)
    waiting: list[tuple[float, int, Visit]] = []
    shown: list[tuple[Visit, Any, float]] = []
    delay = round(late / 5) * 5 if late > 15 and luck.random() < 0.6 else 0
    last: Visit | None = None
    while coming or waiting:
        start = free if waiting else max(free, coming[0].comes or 0)
        while coming and (coming[0].comes or 0) <= start:
            one = coming.pop(0)
            heapq.heappush(waiting, (rank_at_check_in(one, visits, waiting), one.number, one))
        _rank, _number, one = heapq.heappop(waiting)
        gap = luck.expovariate(1 / 1.3) + (luck.uniform(5, 15) if luck.random() < 0.05 else 0)
        start += gap
        while looks and looks[0] < start:
            now = looks.pop(0)
            shown += look(who, visits, now, delay) if score else []
        one.began, one.ended = start, start + one.length
        if last is not None and (one.comes or 0) <= (last.ended or 0):
            who.turnovers.append(start - (last.ended or 0))
        elif last is None:
            who.lateness.append(start - max(one.planned, one.comes or 0))
        free, last = one.ended, one
    learn(who, visits)
    for one, found, formula in shown:
        if score and one.began is not None:
            note(score, one.began, found, formula)


def rank_at_check_in(one: Visit, visits: list[Visit], waiting: list[tuple[float, int, Visit]]) -> float:
    """As the portal gives it: the number, but after the next one for whoever comes late and was passed."""
    passed = any(other.began is not None and other.number > one.number for other in visits if not other.walk_in)
    if one.walk_in or not passed or (one.comes or 0) <= one.planned or not waiting:
        return one.rank
    ahead = sorted(waiting)[:2]
    return max(one.rank, (ahead[0][0] + (ahead[1][0] if len(ahead) > 1 else ahead[0][0] + 1)) / 2)


def at(minutes: float) -> datetime:
    return OPENS + timedelta(minutes=minutes)


def look(who: Doctor, visits: list[Visit], now: float, delay: int) -> Iterator[tuple[Visit, Any, float]]:
    """What everybody who has not begun is shown at this moment, by the portal and by the formula."""
    known = [one for one in visits if not one.walk_in or (one.comes or 0) <= now]
    turns = tuple(turn(one, now) for one in known)
    found = predict(Day(now=at(now), opens=OPENS, turns=turns, delay_minutes=delay if now > 0 else 0), practice(who))
    usual = statistics.fmean([one.length for one in who.past[-50:]] or [who.planned])
    for one in known:
        if one.began is None and one.number in found and one.planned - now <= AHEAD:
            ahead = [other for other in known if other.rank < one.rank and is_expected(who, other, now)]
            yield one, found[one.number], max(now, 0) + len(ahead) * usual


def is_expected(who: Doctor, one: Visit, now: float) -> bool:
    """Not seen yet as far as anybody knows: whoever does not come is struck off half an hour after their time."""
    if one.ended is not None and one.ended <= now:
        return False
    return one.comes is not None or one.planned + who.planned + 30 > now


def turn(one: Visit, now: float) -> Turn:
    there = one.comes is not None and one.comes <= now
    began = at(one.began) if one.began is not None and one.began <= now else None
    ended = at(one.ended) if one.ended is not None and one.ended <= now else None
    return Turn(
        key=one.number,
        rank=one.rank,
        planned=at(one.planned),
        is_there=there and began is None,
        began=began,
        ended=ended,
    )


def practice(who: Doctor) -> Practice:
    return Practice(
        planned_minutes=float(who.planned),
        lengths=tuple(("IN_PERSON", one.length) for one in who.past[-60:]),
        turnovers=tuple(gap for gap in who.turnovers[-60:] if gap < 40),
        lateness=tuple(who.lateness[-8:]),
        expected=who.expected, missed=who.missed, walk_ins=who.walk_ins,
    )  # fmt: skip


def learn(who: Doctor, visits: list[Visit]) -> None:
    who.past += [one for one in visits if one.ended is not None]
    who.expected += sum(not one.walk_in for one in visits)
    who.missed += sum(one.comes is None for one in visits)
    who.walk_ins += sum(one.walk_in for one in visits)


def note(score: tuple[Score, Score], began: float, found: Any, formula: float) -> None:
    ours, common = score
    ours.errors.append(abs((at(began) - found.expected).total_seconds()) / 60)
    ours.inside += found.earliest <= at(began) <= found.latest
    width = (found.latest - found.earliest).total_seconds() / 60
    ours.widths.append(width)
    common.errors.append(abs(began - formula))
    common.inside += abs(began - formula) <= width / 2


def simulate(days: int, seed: int = 2026) -> tuple[Score, Score]:
    luck, score = random.Random(seed), (Score(), Score())  # the same mornings each time
    for _day in range(days):
        who = doctor(luck)
        for _past in range(PAST_DAYS):
            live_through(luck, who, None)
        live_through(luck, who, score)
    return score


async def waiting_times(stage: Any, _servers: Any) -> Figures:
    """The mean error in minutes beside the formula's, and the share of visits that began inside the range shown."""
    ours, common = simulate(QUICK_DAYS if stage.quick else DAYS)
    number = len(ours.errors)
    width = statistics.fmean(ours.widths)
    note = (
        f"{number} times shown; ranges of {width:.0f} min, in which the formula would have {common.inside / number:.0%}"
    )
    return {
        "wait_error": Figure(statistics.fmean(ours.errors), statistics.fmean(common.errors), note=note),
        "wait_inside": Figure(100 * ours.inside / number, note=""),
    }


if __name__ == "__main__":
    for name, one in zip(("ours", "common"), simulate(DAYS), strict=True):
        print(name, round(statistics.fmean(one.errors), 1), f"{one.inside / len(one.errors):.1%}", len(one.errors),
              round(statistics.fmean(one.widths or [0]), 1))  # fmt: skip
