"""What the portal promises of times, holds and visits, as plain Python: no clock, no rows, nobody else at the same moment.

Every act answers "done", or the code with which the portal refuses it.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.appointments.life import DECLARED, may_lead

LIVE = ("BOOKED", "CHECKED_IN", "IN_PROGRESS")
MOST_HOLDS = 3


@dataclass
class Time:
    """A slot; two overlap when they are `at` the same quarter of an hour, and tens of `at` are days."""

    doctor: str
    at: int
    managers: tuple[str, ...]
    position: int | None = None  # in the session's queue
    overflow: bool = False
    disabled: bool = False
    holder: str | None = None
    ended: bool = False
    visit: int | None = None

    @property
    def day(self) -> tuple[str, int]:
        return self.doctor, self.at // 10

    @property
    def is_far(self) -> bool:
        """Not today: nobody checks in yet."""
        return self.at >= 10

    def is_free_for(self, who: str) -> bool:
        return self.visit is None and not self.disabled and (self.holder in (None, who) or self.ended)


@dataclass
class Visit:
    patient: str
    time: int
    status: str = "BOOKED"
    confirmed: bool = False
    history: list[tuple[str, str | None, str]] = field(default_factory=list)  # who, from, to
    walk_in: bool = False
    late: bool = False
    rank: Fraction | None = None
    called: bool = False
    missed: int = 0
    began: bool = False

    @property
    def told(self) -> list[tuple[str, str | None, str]]:
        """What other systems hear of: all but calls and missed calls."""
        return [step for step in self.history if step[1:] != ("CHECKED_IN", "CHECKED_IN")]


class Model:
    def __init__(self, times: list[Time]) -> None:
        self.times = times
        self.visits: list[Visit] = []

    def state(self) -> dict[str, Any]:
        """What the portal must show."""
        times = [(one.disabled, one.holder, one.ended, one.visit) for one in self.times]
        visits = [
            (one.patient, one.time, one.status, one.confirmed, self.times[one.time].position,
             (one.walk_in, one.called, one.missed, one.rank), len(one.told), one.history)
            for one in self.visits
        ]  # fmt: skip
        return {"times": times, "visits": visits, "others": []}

    def hold(self, who: str, number: int) -> str:
        time = self.times[number]
        others = [one for one in self.times if one.holder == who and not one.ended and one is not time]
        same_day = [one for one in others if one.day == time.day]
        if time.visit is not None:
            return "slot_taken"
        if time.holder not in (None, who) and not time.ended:
            return "slot_held"
        if time.disabled or time.overflow:
            return "slot_disabled" if time.disabled else "slot_after_hours"
        if len(others) - len(same_day) >= MOST_HOLDS:
            return "too_many_holds"
        self.give_back(same_day)
        time.holder, time.ended = who, False
        return "done"

    def give_back(self, times: list[Time]) -> None:
        for time in times:
            time.holder, time.ended = None, False

    def let_go(self, who: str, number: int) -> str:
        if self.times[number].holder != who:
            return "not_found"
        self.give_back([self.times[number]])
        return "done"

    def expire(self, number: int) -> None:
        self.times[number].ended = self.times[number].holder is not None

    def close(self, who: str, number: int, disabled: bool) -> str:
        time = self.times[number]
        if who not in time.managers:
            return "not_found"
        if time.visit is not None:
            return "slot_booked"
        time.disabled = disabled
        if disabled:
            self.give_back([time])
        return "done"

    def book(self, who: str, patient: str, number: int) -> str:
        time = self.times[number]
        if who not in (patient, *time.managers):
            return "not_found"
        if time.visit is not None or time.disabled or time.overflow:
            return "slot_taken" if time.visit is not None else "slot_disabled" if time.disabled else "queue_only"
        if time.ended and time.holder == patient == who:
            return "hold_expired"
        if not time.is_free_for(patient):
            return "slot_held"
        if self.is_busy(patient, time):
            return "patient_busy"
        return self.take(who, patient, number)

    def is_busy(self, patient: str, time: Time) -> bool:
        live = [one for one in self.visits if one.patient == patient and one.status in LIVE and not one.late]
        own = [self.times[one.time].at for one in live]
        return time.at in own

    def take(self, who: str, patient: str, number: int) -> str:
        time = self.times[number]
        same_day = [one for one in self.times if one.day == time.day and one.holder == patient and not one.ended]
        self.give_back([time, *same_day])
        time.visit = len(self.visits)
        self.visits.append(Visit(patient, number, history=[(who, None, "BOOKED")]))
        return "done"

    def join(self, who: str, patient: str) -> str:
        places = [number for number, time in enumerate(self.times) if time.position]  # in order
        if who not in (patient, *self.times[places[0]].managers):
            return "not_found"
        if any(one.patient == patient and one.status in LIVE and one.time in places for one in self.visits):
            return "already_booked"
        for number in places:
            if self.times[number].is_free_for(patient) and not self.is_busy(patient, self.times[number]):
                return self.take(who, patient, number)
        return "session_full"

    def move(self, who: str, role: str, number: int, action: str) -> str:
        visit = self.visits[number]
        time = self.times[visit.time]
        roles, _sources, target = DECLARED[action]
        if role not in roles:
            return "forbidden"
        if who not in (visit.patient, *time.managers):
            return "not_found"
        if not may_lead(role, action, visit.status) or (action == "confirm" and visit.confirmed):
            return "wrong_status"
        if action == "check-in" and time.is_far:
            return "too_early"
        if action == "check-in" and time.position:
            visit.rank = self.rank_of(visit, time.position)
        visit.began = visit.began or action == "start"
        visit.history.append((who, visit.status, target))
        visit.status, visit.confirmed = target, visit.confirmed or action == "confirm"
        if target in ("CANCELLED", "NO_SHOW"):
            time.visit = None
        return "done"

    def reschedule(self, who: str, role: str, number: int, slot: int) -> str:
        """Both or neither; the refusal tells of the times as they stay."""
        kept = deepcopy((self.times, self.visits))
        answer = self.move(who, role, number, "reschedule")
        if answer != "done":
            return answer
        patient = self.visits[number].patient
        if self.book(who, patient, slot) == "done":
            return "done"
        self.times, self.visits = kept
        return self.book(who, patient, slot)

    # The queue

    def queue(self) -> list[Visit]:
        """Whoever has stood in it today, in whatever state."""
        return [one for one in self.visits if self.times[one.time].position]

    def waiting(self, but: Visit | None = None) -> list[Visit]:
        """Those who are there and not called, in the order of calling."""
        there = [one for one in self.queue() if one.status == "CHECKED_IN" and not one.called and one is not but]
        return sorted(there, key=lambda one: (one.rank or 0, self.times[one.time].position or 0))

    def behind(self, number: int, but: Visit | None = None) -> Fraction:
        """Behind so many of those who wait, or behind the last of them."""
        ranks = [one.rank or Fraction(0) for one in self.waiting(but)]
        last = ranks[:number][-1]
        return (last + (ranks[number] if len(ranks) > number else last + 1)) / 2

    def rank_of(self, visit: Visit, number: int) -> Fraction:
        behind = [one for one in self.queue() if (self.times[one.time].position or 0) > number]
        passed = any(one.called or one.began or one.missed for one in behind)
        if visit.late and passed and self.waiting():
            return max(Fraction(number), self.behind(1))
        return Fraction(number)

    def call(self, who: str, role: str) -> str:
        """Whose turn it is; as long as somebody is called, nobody else."""
        if role == "PATIENT" or not self.runs_queue(who):
            return "forbidden" if role == "PATIENT" else "not_found"
        if any(one.called and one.status == "CHECKED_IN" for one in self.queue()):
            return "done"
        if not self.waiting():
            return "queue_empty"
        visit = self.waiting()[0]
        visit.called = True
        visit.history.append((who, visit.status, visit.status))
        return "done"

    def runs_queue(self, who: str) -> bool:
        return who in next(time.managers for time in self.times if time.position)

    def miss(self, who: str, role: str, number: int) -> str:
        visit = self.visits[number]
        if role == "PATIENT":
            return "forbidden"
        if who not in self.times[visit.time].managers or not self.times[visit.time].position:
            return "not_found"
        if not visit.called or visit.status != "CHECKED_IN":
            return "not_called"
        visit.called, visit.missed = False, visit.missed + 1
        visit.history.append((who, visit.status, visit.status))
        if self.waiting(visit):
            visit.rank = max(visit.rank or Fraction(0), self.behind(2, visit))
        return self.move(who, role, number, "no-show") if visit.missed == 3 else "done"

    def walk_in(self, who: str, role: str, patient: str) -> str:
        """At the lowest free place; the machine asks only where there is one."""
        if role == "PATIENT" or not self.runs_queue(who):
            return "forbidden" if role == "PATIENT" else "not_found"
        if any(one.patient == patient and one.status in LIVE for one in self.queue()):
            return "already_booked"
        self.take(who, patient, self.free_place(patient) or 0)
        visit = self.visits[-1]
        visit.history.append((who, "BOOKED", "CHECKED_IN"))
        visit.status, visit.walk_in, visit.rank = "CHECKED_IN", True, Fraction(self.times[visit.time].position or 0)
        return "done"

    def free_place(self, patient: str) -> int | None:
        places = [number for number, time in enumerate(self.times) if time.position and time.is_free_for(patient)]
        return next((number for number in places if not self.is_busy(patient, self.times[number])), None)

    def pass_by(self, number: int) -> None:
        """The time of a visit passes, and its patient has not come."""
        if self.visits[number].status == "BOOKED" and self.times[self.visits[number].time].position:
            self.visits[number].late = True
