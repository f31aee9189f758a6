"""What the portal promises of times, holds and visits, as plain Python: no clock, no rows, nobody else at the same moment.

Every act answers "done", or the code with which the portal refuses it.
"""

from copy import deepcopy
from dataclasses import dataclass, field

from tests.appointments.life import DECLARED, may_lead

LIVE = ("BOOKED", "CHECKED_IN", "IN_PROGRESS")
MOST_HOLDS = 3


@dataclass
class Time:
    """A slot; two overlap when they are `at` the same quarter of an hour, and tens of `at` are days."""

    doctor: str
    at: int
    managers: tuple[str, ...]
    position: int | None = None
    overflow: bool = False
    disabled: bool = False
    holder: str | None = None
    ended: bool = False
    visit: int | None = None

    @property
    def day(self) -> tuple[str, int]:
        return self.doctor, self.at // 10

    def is_free_for(self, who: str) -> bool:
        return self.visit is None and not self.disabled and (self.holder in (None, who) or self.ended)


@dataclass
class Visit:
    patient: str
    time: int
    status: str = "BOOKED"
    confirmed: bool = False
    history: list[tuple[str, str | None, str]] = field(default_factory=list)  # who, from, to


class Model:
    def __init__(self, times: list[Time]) -> None:
        self.times = times
        self.visits: list[Visit] = []

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
        own = [self.times[one.time].at for one in self.visits if one.patient == patient and one.status in LIVE]
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
