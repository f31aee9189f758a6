"""The portal's side of the model check: the same acts on real rows, by its actions; ids are known by number."""

from collections.abc import Awaitable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal import db
from portal.appointments.actions import move
from portal.appointments.schemas import Appointment, AppointmentType
from portal.booking.actions import book, reschedule
from portal.booking.schemas import NewAppointment
from portal.queues.actions import add_walk_in, call_next, note_missed_call
from portal.queues.schemas import CallNext, WalkIn
from portal.slots.actions import change_slot, hold_slot, make_missing, release_slot
from portal.slots.schemas import SlotChange
from tests import factories
from tests.factories import Person, Role
from tests.model.model import Time
from tests.model.side_by_side import answer
from tests.queues.conftest import noon_zone

HORIZON, HOLD_SECONDS, PLACES = 10, 300.0, 4
CLEAN = """
UPDATE slot SET appointment_id = NULL, held_by = NULL, held_until = NULL, disabled = false;
DELETE FROM appointment; DELETE FROM outbox_event; DELETE FROM notification; DELETE FROM mail; DELETE FROM queue_day;
"""
# Each run begins half an hour before the session does.
AHEAD = "UPDATE slot SET starts_at = $2::timestamptz, ends_at = $2::timestamptz + interval '5 minutes' WHERE id = $1"
LATE = """
UPDATE appointment SET starts_at = starts_at - interval '3 days' - make_interval(hours => $2::int),
    ends_at = ends_at - interval '3 days' - make_interval(hours => $2::int)
WHERE id = $1 AND status = 'BOOKED' AND session_id IS NOT NULL AND starts_at > clock_timestamp()
"""
EXPIRE = "UPDATE slot SET held_until = clock_timestamp() - interval '1 ms' WHERE id = $1 AND held_by IS NOT NULL"
TIMES = """
SELECT id, disabled, held_by, held_by IS NOT NULL AND held_until <= clock_timestamp() AS ended, appointment_id FROM slot
"""
VISITS = """
SELECT a.id, a.patient_id, a.slot_id, a.status, a.confirmed_at IS NOT NULL AS confirmed, a.queue_position,
    a.walk_in, a.missed_calls, a.called_at IS NOT NULL AS called, a.queue_rank,
    (SELECT count(*) FROM outbox_event o WHERE o.aggregate_id = a.id) AS events,
    (SELECT jsonb_agg(jsonb_build_array(h.actor_id, h.from_status, h.to_status) ORDER BY h.at)
     FROM appointment_history h WHERE h.appointment_id = a.id) AS history
FROM appointment a
"""


def soon() -> datetime:
    """In half an hour, to the minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=30)


class Portal:
    """Three patients, a doctor with a session's day and a time of three others, her clinic's admin, a doctor elsewhere.

    The session is `day`'s, which is today, so that people check in and are called.
    """

    people: dict[str, Person]
    slot_ids: list[UUID]
    visit_ids: list[UUID]
    day: date

    async def settle(self) -> None:
        zone = noon_zone()
        begin = soon().astimezone(ZoneInfo(zone))
        self.day = begin.date()
        clinic_id, elsewhere = await factories.clinic(time_zone=zone), await factories.clinic()
        self.people = {name: await factories.patient() for name in ("Ana", "Ben", "Cem", "Wim")}
        self.people["Dora"] = dora = await factories.doctor(clinic_ids=[clinic_id])
        self.people["Otto"] = otto = await factories.doctor(clinic_ids=[elsewhere])
        self.people["Ada"] = await factories.person(Role.CLINIC_ADMIN, clinic_ids=[clinic_id])
        self.session_id = await factories.session(
            dora.id, clinic_id, day=self.day, start=begin.time(),
            end=(begin + timedelta(minutes=15)).time(), places=PLACES, minutes=5,
        )  # fmt: skip
        await make_missing(dora.id, HORIZON)
        made = await db.fetch("SELECT id FROM slot WHERE date = $1 ORDER BY position", self.day)
        await db.execute("DELETE FROM slot WHERE date <> $1", self.day)
        self.slot_ids = [row["id"] for row in made]
        for doctor, where, day in [
            (dora, clinic_id, 1), (dora, clinic_id, 2), (dora, clinic_id, 3),
            (otto, elsewhere, 0), (otto, elsewhere, 1), (otto, elsewhere, 2),
        ]:  # fmt: skip
            start = datetime.combine(self.day + timedelta(days=day), time(9), UTC)
            self.slot_ids.append(await factories.slot(doctor.id, start, clinic_id=where))

    def times(self) -> list[Time]:
        """The same times for the model."""
        ours, theirs = ("Dora", "Ada"), ("Otto",)
        session = [Time("Dora", place, ours, place + 1, overflow=place == PLACES - 1) for place in range(PLACES)]
        return [
            *session,
            *(Time("Dora", at, ours) for at in (10, 20, 30)),
            *(Time("Otto", at, theirs) for at in (0, 10, 20)),
        ]

    async def clean(self) -> None:
        await db.run_script(CLEAN)
        begin = soon()
        near = [*enumerate(self.slot_ids[:PLACES]), (0, self.slot_ids[PLACES + 3])]
        for number, slot_id in near:  # out of each other's way
            await db.execute(AHEAD, slot_id, begin + timedelta(days=100, minutes=5 * number))
        for number, slot_id in near:
            await db.execute(AHEAD, slot_id, begin + timedelta(minutes=5 * number))
        self.visit_ids = []

    async def hold(self, who: str, slot: int) -> str:
        return await answer(hold_slot(self.people[who].actor, self.slot_ids[slot], HOLD_SECONDS))

    async def let_go(self, who: str, slot: int) -> str:
        return await answer(release_slot(self.people[who].actor, self.slot_ids[slot]))

    async def expire(self, slot: int) -> None:
        await db.execute(EXPIRE, self.slot_ids[slot])

    async def close(self, who: str, slot: int, disabled: bool) -> str:
        return await answer(change_slot(self.people[who].actor, self.slot_ids[slot], SlotChange(disabled=disabled)))

    async def book(self, who: str, patient: str, slot: int) -> str:
        return await self._booked(who, patient, slot_id=self.slot_ids[slot])

    async def join(self, who: str, patient: str) -> str:
        return await self._booked(who, patient, session_id=self.session_id, date=self.day)

    async def _booked(self, who: str, patient: str, **what: Any) -> str:
        wanted = NewAppointment(appointment_type=AppointmentType.IN_PERSON, patient_id=self.people[patient].id, **what)
        return await self._new(book(self.people[who].actor, wanted, HORIZON))

    async def reschedule(self, who: str, _role: str, visit: int, slot: int) -> str:
        return await self._new(reschedule(self.people[who].actor, self.visit_ids[visit], self.slot_ids[slot]))

    async def _new(self, making: Awaitable[Appointment]) -> str:
        async def noted() -> None:
            self.visit_ids.append((await making).id)

        return await answer(noted())

    async def move(self, who: str, _role: str, visit: int, action: str) -> str:
        return await answer(move(self.people[who].actor, self.visit_ids[visit], action))

    async def call(self, who: str, _role: str) -> str:
        return await answer(call_next(self.people[who].actor, self.session_id, CallNext(date=self.day)))

    async def miss(self, who: str, _role: str, visit: int) -> str:
        return await answer(note_missed_call(self.people[who].actor, self.visit_ids[visit]))

    async def walk_in(self, who: str, _role: str, patient: str) -> str:
        new = WalkIn(date=self.day, patient_id=self.people[patient].id)
        return await self._new(add_walk_in(self.people[who].actor, self.session_id, new))

    async def pass_by(self, visit: int) -> None:
        await db.execute(LATE, self.visit_ids[visit], visit)

    async def state(self) -> dict[str, Any]:
        """All times and visits, in the words of the model."""
        names: dict[Any, str] = {person.id: name for name, person in self.people.items()}
        names |= {str(key): name for key, name in names.items()}
        times = {row["id"]: row for row in await db.fetch(TIMES)}
        visits = {row["id"]: row for row in await db.fetch(VISITS)}
        number = {one: n for n, one in enumerate(self.visit_ids)}
        return {
            "times": [
                (row["disabled"], names.get(row["held_by"]), row["ended"], number.get(row["appointment_id"]))
                for row in (times.pop(one) for one in self.slot_ids)
            ],
            "visits": [
                (names[row["patient_id"]], self.slot_ids.index(row["slot_id"]), row["status"], row["confirmed"],
                 row["queue_position"], (row["walk_in"], row["called"], row["missed_calls"], _exact(row["queue_rank"])),
                 row["events"], [(names[who], was, now) for who, was, now in row["history"]])
                for row in (visits.pop(one) for one in self.visit_ids)
            ],
            "others": [*times, *visits],
        }  # fmt: skip


def _exact(rank: Any) -> Fraction | None:
    return None if rank is None else Fraction(rank)
