"""The portal's side of the model check: the same acts on real rows, by its actions; ids are known by number."""

from collections.abc import Awaitable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from portal import db
from portal.appointments.actions import move
from portal.appointments.schemas import Appointment, AppointmentType
from portal.booking.actions import book, reschedule
from portal.booking.schemas import NewAppointment
from portal.errors import DomainError
from portal.slots.actions import change_slot, hold_slot, make_missing, release_slot
from portal.slots.schemas import SlotChange
from tests import factories
from tests.factories import Person, Role
from tests.model.model import Time

DAY = date.today() + timedelta(days=2)
HORIZON, HOLD_SECONDS, PLACES = 10, 300.0, 4
CLEAN = """
UPDATE slot SET appointment_id = NULL, held_by = NULL, held_until = NULL, disabled = false;
DELETE FROM appointment; DELETE FROM outbox_event; DELETE FROM notification; DELETE FROM mail;
"""
EXPIRE = "UPDATE slot SET held_until = clock_timestamp() - interval '1 ms' WHERE id = $1 AND held_by IS NOT NULL"
TIMES = """
SELECT id, disabled, held_by, held_by IS NOT NULL AND held_until <= clock_timestamp() AS ended, appointment_id FROM slot
"""
VISITS = """
SELECT a.id, a.patient_id, a.slot_id, a.status, a.confirmed_at IS NOT NULL AS confirmed, a.queue_position,
    (SELECT count(*) FROM outbox_event o WHERE o.aggregate_id = a.id) AS events,
    (SELECT jsonb_agg(jsonb_build_array(h.actor_id, h.from_status, h.to_status) ORDER BY h.at)
     FROM appointment_history h WHERE h.appointment_id = a.id) AS history
FROM appointment a
"""


class Portal:
    """Three patients, a doctor with a session's day and a time of three others, her clinic's admin, a doctor elsewhere."""

    people: dict[str, Person]
    slot_ids: list[UUID]
    visit_ids: list[UUID]

    async def settle(self) -> None:
        clinic_id, elsewhere = await factories.clinic(), await factories.clinic()
        self.people = {name: await factories.patient() for name in ("Ana", "Ben", "Cem")}
        self.people["Dora"] = dora = await factories.doctor(clinic_ids=[clinic_id])
        self.people["Otto"] = otto = await factories.doctor(clinic_ids=[elsewhere])
        self.people["Ada"] = await factories.person(Role.CLINIC_ADMIN, clinic_ids=[clinic_id])
        self.session_id = await factories.session(
            dora.id, clinic_id, day=DAY, start=time(9), end=time(9, 45), places=PLACES
        )
        await make_missing(dora.id, HORIZON)
        made = await db.fetch("SELECT id FROM slot WHERE date = $1 ORDER BY position", DAY)
        await db.execute("DELETE FROM slot WHERE date <> $1", DAY)
        self.slot_ids = [row["id"] for row in made]
        for doctor, where, day in [
            (dora, clinic_id, 1), (dora, clinic_id, 2), (dora, clinic_id, 3),
            (otto, elsewhere, 0), (otto, elsewhere, 1), (otto, elsewhere, 2),
        ]:  # fmt: skip
            start = datetime.combine(DAY + timedelta(days=day), time(9), UTC)
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
        return await self._booked(who, patient, session_id=self.session_id, date=DAY)

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
                 row["queue_position"], row["events"], [(names[who], was, now) for who, was, now in row["history"]])
                for row in (visits.pop(one) for one in self.visit_ids)
            ],
            "others": [*times, *visits],
        }  # fmt: skip


async def answer(act: Awaitable[Any]) -> str:
    """ "done", or the code of the refusal."""
    try:
        await act
    except DomainError as error:
        return error.code
    return "done"
