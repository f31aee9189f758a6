"""When a visit will probably begin, as an honest range: pure arithmetic, with no database and no present time in it.

What is known goes in: how long this doctor's recent visits took, how today's compare with them, who is there, who is
still to come, who is with the doctor and since when. The rest of the morning is then lived through many times, each time
with other lengths, another pace, other arrivals and no-shows, by the rules by which people are called. Each visit's range
is what most of these mornings say. The draws are always the same ones, so a prediction moves only when the facts do.
"""

import math
import random
from bisect import insort
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from msgspec import Struct

MORNINGS = 160
LOWEST, HIGHEST = 0.07, 0.93  # of the mornings, those inside the range; rounding outwards adds to it
ROUND = 5  # minutes
PLANNED_WEIGHT, SPREAD, SPREAD_WEIGHT = 6.0, 0.45, 8.0  # what the plan counts for against so many recorded visits
PACE_SPREAD = 0.13  # how much days differ from one another
TURNOVER, TURNOVER_WEIGHT = 1.5, 4.0  # minutes from the end of one visit to the start of the next
LATENESS, LATENESS_WEIGHT = 4.0, 3.0  # minutes after the hour at which the first visit begins
NO_SHOWS, NO_SHOWS_WEIGHT = 0.1, 12.0
EARLY, ARRIVAL_SPREAD, STRAGGLE = 9.0, 9.0, 10.0  # patients come so many minutes before their time, give or take
COMES_LATE = 0.16  # of those who come at all
NORMAL = NormalDist()


class Turn(Struct, frozen=True, kw_only=True):
    """One visit of the day. Whoever is not there yet is `planned` for later, or late."""

    key: Any
    rank: float
    planned: datetime
    kind: str = "IN_PERSON"
    is_there: bool = False
    called: bool = False
    began: datetime | None = None
    ended: datetime | None = None


class Practice(Struct, frozen=True, kw_only=True):
    """What is known of a doctor's other days; minutes, the latest first."""

    planned_minutes: float
    lengths: tuple[tuple[str, float], ...] = ()
    turnovers: tuple[float, ...] = ()
    lateness: tuple[float, ...] = ()
    expected: int = 0  # how many booked visits there were lately
    missed: int = 0  # and to how many of them nobody came
    walk_ins: int = 0  # and how many came without


class Day(Struct, frozen=True, kw_only=True):
    now: datetime
    opens: datetime
    turns: tuple[Turn, ...]
    delay_minutes: int = 0  # as announced


class Range(Struct, frozen=True):
    expected: datetime
    earliest: datetime
    latest: datetime


class Length(Struct, frozen=True):
    """Of one kind of visit: the logarithms of its minutes are spread like a bell around the middle."""

    middle: float
    spread: float

    def minutes(self, draw: float) -> float:
        return math.exp(self.middle + self.spread * draw)

    def rest(self, elapsed: float, draw: float, pace: float) -> float:
        """What is left of a visit that has gone on for so long: of such visits, only the longer ones remain."""
        if elapsed < 0.5:
            return self.minutes(draw) * pace
        gone = NORMAL.cdf((math.log(elapsed / pace) - self.middle) / self.spread)
        if gone > 0.97:  # beyond all experience; the longer it has taken, the longer it may still take
            return -(2 + 0.15 * elapsed) * math.log(1 - NORMAL.cdf(draw))
        left = max(gone + (1 - gone) * NORMAL.cdf(draw), 0.0001)
        return max(0.5, self.minutes(NORMAL.inv_cdf(left)) * pace - elapsed)


def usual(practice: Practice, kind: str | None = None) -> Length:
    """How long visits of a kind take, leaning on the plan where few are known and on the other kinds a little."""
    own = [math.log(max(1.0, minutes)) for one, minutes in practice.lengths if kind is None or one == kind]
    if kind is None:
        plan, weight, before = math.log(practice.planned_minutes), PLANNED_WEIGHT, SPREAD
    else:
        others = usual(practice)
        plan, weight, before = others.middle, PLANNED_WEIGHT, others.spread
    middle = (plan * weight + sum(own)) / (weight + len(own))
    squares = sum((one - middle) ** 2 for one in own)
    return Length(middle, math.sqrt((before**2 * SPREAD_WEIGHT + squares) / (SPREAD_WEIGHT + len(own))))


def pace_of(day: Day, practice: Practice) -> tuple[float, float]:
    """How much longer today's visits take than usual, as a logarithm, and how sure that is."""
    surprises, spread = [], SPREAD
    for turn in day.turns:
        if turn.began and turn.ended:
            length = usual(practice, turn.kind)
            spread = length.spread
            surprise = math.log(max(1.0, _minutes(turn.ended - turn.began))) - length.middle
            surprises.append(max(-3 * spread, min(3 * spread, surprise)))
    doubt = (spread / PACE_SPREAD) ** 2
    return sum(surprises) / (len(surprises) + doubt), PACE_SPREAD * math.sqrt(doubt / (len(surprises) + doubt))


@lru_cache(maxsize=512)
def predict(day: Day, practice: Practice) -> dict[Any, Range]:
    """For each visit that has not begun, the range in which it will, if its patient comes."""
    ahead = [turn for turn in day.turns if turn.began is None]
    starts: dict[Any, list[float]] = {turn.key: [] for turn in ahead}
    model = _Model(day, practice, ahead)
    for number in range(MORNINGS):
        model.live_through(number, starts)
    return {key: _range(day.now, sorted(found)) for key, found in starts.items() if found}


def _range(now: datetime, found: Sequence[float]) -> Range:
    def at(share: float) -> datetime:
        return now + timedelta(minutes=found[min(len(found) - 1, int(share * len(found)))])

    return Range(
        expected=_rounded(at(0.5), round, 1),
        earliest=_rounded(at(LOWEST), math.floor, ROUND),
        latest=_rounded(at(HIGHEST), math.ceil, ROUND),
    )


def _rounded(moment: datetime, way: Callable[[float], int], minutes: int) -> datetime:
    step = minutes * 60
    return moment.fromtimestamp(way(moment.timestamp() / step) * step, moment.tzinfo)


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


@lru_cache(maxsize=1024)
def _draws(column: int) -> tuple[float, ...]:
    """One draw for each morning: evenly spread over the bell, in an order of its own for each column."""
    order = list(range(MORNINGS))
    random.Random(column).shuffle(order)  # noqa: S311  # the same mornings each time, not a secret
    return tuple(NORMAL.inv_cdf((place + 0.5) / MORNINGS) for place in order)


class _Model:
    """What is the same in all mornings, in minutes from now."""

    def __init__(self, day: Day, practice: Practice, ahead: list[Turn]) -> None:
        self.opens = _minutes(day.opens - day.now)
        self.ahead = sorted(ahead, key=lambda turn: turn.rank)
        self.ranks = [-math.inf if turn.called else turn.rank for turn in self.ahead]
        self.planned = [_minutes(turn.planned - day.now) for turn in self.ahead]
        self.lengths = [usual(practice, turn.kind) for turn in self.ahead]
        self.any_length = usual(practice)
        self.pace, self.pace_doubt = pace_of(day, practice)
        self.turnovers = [
            *practice.turnovers,
            *([TURNOVER] * max(1, round(TURNOVER_WEIGHT - len(practice.turnovers) / 8))),
        ]
        self.lateness = [*practice.lateness, LATENESS - 3, LATENESS, LATENESS + 8]
        self.shows = 1 - (practice.missed + NO_SHOWS * NO_SHOWS_WEIGHT) / (practice.expected + NO_SHOWS_WEIGHT)
        self.joins = min(0.5, practice.walk_ins / (practice.expected + 20))
        self.has_begun = any(turn.began for turn in day.turns)
        serving = [turn for turn in day.turns if turn.began and not turn.ended]
        self.serving = [(usual(practice, one.kind), _minutes(day.now - one.began)) for one in serving if one.began]
        ends = [_minutes(turn.ended - day.now) for turn in day.turns if turn.ended]
        self.idle_since = max(ends, default=self.opens)
        self.not_before = self.planned[0] + day.delay_minutes if day.delay_minutes and self.planned else -math.inf

    def live_through(self, number: int, starts: dict[Any, list[float]]) -> None:
        """One morning from now to its end: who begins when is added to `starts`."""
        pace = math.exp(self.pace + self.pace_doubt * _draws(0)[number])
        free = max(self._free(number, pace), self.not_before)
        coming = sorted(self._arrivals(number))
        waiting: list[tuple[float, int]] = []
        served = 0
        while coming or waiting:
            if not waiting:
                free = max(free, coming[0][0])
            while coming and coming[0][0] <= free:
                place = coming.pop(0)[1]
                insort(waiting, (self.ranks[place], place))
            place = waiting.pop(0)[1]
            turnover = self.turnovers[(number * 7 + place * 3) % len(self.turnovers)]
            free += 0.5 if self.ahead[place].called else turnover
            starts[self.ahead[place].key].append(max(0.0, free))
            free += self.lengths[place].minutes(_draws(3 * place + 3)[number]) * pace
            served += 1
            if served % 2 == 0 and NORMAL.cdf(_draws(3 * place + 4)[number]) < 2 * self.joins:
                free += self.any_length.minutes(_draws(3 * place + 5)[number]) * pace

    def _free(self, number: int, pace: float) -> float:
        """When the doctor is free for the next one."""
        if self.serving:
            draws = (_draws(1 + 1000 * nth)[number] for nth in range(len(self.serving)))
            return max(
                length.rest(elapsed, draw, pace) for (length, elapsed), draw in zip(self.serving, draws, strict=True)
            )
        if self.has_begun or any(turn.called for turn in self.ahead):
            return 0.0
        late = self.lateness[number % len(self.lateness)]
        if self.opens + late > 0:
            return self.opens + late
        return -4.0 * math.log(1 - NORMAL.cdf(_draws(2)[number]))  # past all experience: any moment now

    def _arrivals(self, number: int) -> list[tuple[float, int]]:
        """Who comes, and when; nobody waits for those who do not."""
        found = []
        for place, turn in enumerate(self.ahead):
            luck = NORMAL.cdf(_draws(3 * place + 2000)[number])
            draw = _draws(3 * place + 2001)[number]
            planned = self.planned[place]
            if turn.is_there:
                found.append((0.0 if turn.called else min(0.0, self.idle_since), place))
            elif planned < 0:
                still = self.shows * COMES_LATE * math.exp(planned / STRAGGLE)
                if luck < still / (still + 1 - self.shows):
                    found.append((-STRAGGLE * math.log(1 - NORMAL.cdf(draw)), place))
            elif luck < self.shows:
                found.append((max(0.0, planned - EARLY + ARRIVAL_SPREAD * draw), place))
        return found
