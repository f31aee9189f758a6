"""Two clinics and everybody around three patients: the owner, another one of the same clinic, and one elsewhere."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts import passwords
from portal.accounts.schemas import Role
from portal.ids import uuid7
from portal.slots.actions import make_missing
from tests import factories
from tests.access import things, things_chat, things_counter, things_prescriptions, things_queue, things_stock
from tests.access.canaries import canary, phone
from tests.factories import Person

HORIZON_DAYS = 56
PASSWORD = "correct horse battery staple"
# Every five minutes a login notes that it is in use; on a slow machine that would look like a change by a refused call.
SEEN_LATELY = "UPDATE login SET last_seen_at = clock_timestamp() + interval '1 day'"
# Who is who to each side: the token of a policy row → the actor.
RELATED = {
    "owner": {"patient": "owner", "doctor": "treating", "admin": "admin here", "pharmacist": "pharmacist"},
    "other": {"patient": "other", "doctor": "colleague", "admin": "admin here", "pharmacist": "pharmacist"},
    "elsewhere": {
        "patient": "far patient", "doctor": "far doctor", "admin": "admin elsewhere", "pharmacist": "far pharmacist",
    },
    "pending": {"doctor": "pending"},
    "suspended": {"patient": "suspended"},
}  # fmt: skip


@dataclass
class Side:
    """One patient's world: `ids` are what policy rows fill paths and bodies with."""

    name: str
    ids: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    people: dict[str, Person | None]
    sides: dict[str, Side]

    def relations(self, actor: str, side: str) -> set[str]:
        """The tokens that this actor is to that side."""
        found = {token for token, name in RELATED[side].items() if name == actor}
        person, place = self.people[actor], self.sides.get(side)
        if person and place and place.ids["clinic"] in person.actor.clinic_ids and person.actor.role is Role.DOCTOR:
            found.add("works")  # at the same clinic, which alone gives no right to a patient
        return found | ({"self"} if found - {"works"} else set()) | ({"system"} if actor == "system" else set())


async def build() -> World:
    """All people and things, by plain SQL; everybody has the same password."""
    specialty, spare = await factories.specialty(), await factories.specialty("Spare specialty")
    here, elsewhere = await place("here"), await place("elsewhere")
    # The first of all accounts, which a statement without its condition finds, is nobody's neighbour.
    suspended = await someone(Role.PATIENT, "suspended", "patient", status="SUSPENDED")
    system = await factories.person(Role.SYSTEM_ADMIN, email="system@test.example")
    people: dict[str, Person | None] = {"anonymous": None, "system": system}
    sides = {}
    for name in ("owner", "other", "elsewhere"):
        clinic_id, second_id, pharmacy_id = elsewhere if name == "elsewhere" else here
        cast = await cast_of(name, people, (clinic_id, second_id), pharmacy_id, specialty)
        side = Side(
            name,
            {
                "clinic": clinic_id,
                "second_clinic": second_id,
                "pharmacy": pharmacy_id,
                "specialty": specialty,
                "spare": spare,
                "system": system.id,
            },
        )
        side.ids |= {token: person.id for token, person in cast.items()}
        side.ids |= await things.of_side(name, cast, clinic_id) | await accounts_of(name, clinic_id)
        side.ids |= await things_chat.of_side(name, side.ids)
        side.ids |= await things_queue.of_side(name, cast["patient"].id, cast["doctor"].id, clinic_id)
        side.ids |= await things_stock.of_side(name, clinic_id, pharmacy_id, cast["admin"].id, cast["pharmacist"].id)
        side.ids |= await things_prescriptions.of_side(name, cast, pharmacy_id, side.ids["completed"])
        side.ids |= await things_counter.of_side(name, cast)
        await make_missing(cast["doctor"].id, HORIZON_DAYS)
        sides[name] = side
    people["pending"] = await someone(Role.DOCTOR, "pending", "doctor", status="PENDING_VERIFICATION")
    people["suspended"] = suspended
    await db.execute("UPDATE account SET password_hash = $1", await passwords.hash_password(PASSWORD))
    await db.execute(SEEN_LATELY)
    return World(people, sides)


async def place(name: str) -> tuple[UUID, UUID, UUID]:
    """A clinic, another one of the same admin, and a pharmacy."""
    clinic_id, pharmacy_id = await factories.clinic(name=f"Clinic {name}"), uuid7()
    second_id = await factories.clinic(name=f"Second clinic {name}")
    licence = canary("owner" if name == "here" else name, "staff")
    await db.execute(
        "INSERT INTO pharmacy (id, name, time_zone, licence_number) VALUES ($1, $2, 'UTC', $3)",
        pharmacy_id, f"Pharmacy {name}", licence,
    )  # fmt: skip
    return clinic_id, second_id, pharmacy_id


async def cast_of(
    side: str, people: dict[str, Person | None], clinics: tuple[UUID, UUID], pharmacy_id: UUID, specialty: UUID
) -> dict[str, Person]:
    """The four people of a side; those who serve two sides are made once."""
    roles: dict[str, tuple[Role, dict[str, Any]]] = {
        "patient": (Role.PATIENT, {}),
        "doctor": (Role.DOCTOR, {"clinic_ids": [clinics[0]], "specialty_id": specialty}),
        "admin": (Role.CLINIC_ADMIN, {"clinic_ids": [*clinics]}),
        "pharmacist": (Role.PHARMACY, {"pharmacy_id": pharmacy_id}),
    }
    cast = {}
    for token, name in RELATED[side].items():
        role, more = roles[token]
        found = people.get(name) or await someone(role, side, token, **more)
        people[name] = cast[token] = found
    return cast


async def someone(role: Role, side: str, token: str, **more: Any) -> Person:
    """A person whose private texts are canaries; the names of those who work here are public."""
    audience = "person" if role is Role.PATIENT else "staff"
    mark = canary(side, audience)
    is_public = role is not Role.PATIENT and "status" not in more
    names = {"first_name": "Dana", "last_name": "Public"} if is_public else {"first_name": mark, "last_name": mark}
    person = await factories.person(role, email=f"{mark}-{token}@test.example", **names, **more)
    await things.private_texts(person.id, side)
    await db.execute("UPDATE account SET phone_number = $2 WHERE id = $1", person.id, phone(side, token))
    return person


async def accounts_of(side: str, clinic_id: UUID) -> dict[str, Any]:
    """Accounts for verbs on accounts: one that waits, one that is suspended, and one to sign in as."""
    waiting = await factories.person(Role.CLINIC_ADMIN, status="PENDING_VERIFICATION", clinic_ids=[clinic_id])
    suspended = await factories.person(Role.CLINIC_ADMIN, status="SUSPENDED", clinic_ids=[clinic_id])
    free = await factories.doctor(first_name="Dana", last_name="Public")
    known = await factories.patient(email=f"known-{side}@test.example")
    return {
        "waiting_account": waiting.id,
        "suspended_account": suspended.id,
        "known_account": known.id,
        "free_doctor": free.id,
        "free_doctor_slot": await factories.slot(free.id, factories.tomorrow_at(9, 4)),
        "free_email": free.actor.email,
        "known_email": known.actor.email,
        "password": PASSWORD,
    }
