"""What each policy says to each person, as a table: a policy that says yes to one more, or no to one more, differs from it.

The rows are guards, the words those to whom the guard says yes: `own` things are the actor's, `strange` ones another's.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.admin import policy as admin
from portal.appointments import policy as appointments
from portal.appointments.transitions import MOVES
from portal.booking import policy as booking
from portal.catalogue import policy as catalogue
from portal.chat import policy as chat
from portal.clinics import policy as clinics
from portal.dispensing import policy as dispensing
from portal.emergencies import policy as emergencies
from portal.ids import uuid7
from portal.inventory import policy as inventory
from portal.people import policy as people
from portal.pharmacies import policy as pharmacies
from portal.prescriptions import policy as prescriptions
from portal.queues import policy as queues
from portal.records import policy as records
from portal.referrals import policy as referrals
from portal.refills import policy as refills
from portal.repairs import policy as repairs
from portal.slots import policy as slots
from portal.specialties import policy as specialties
from portal.video import policy as video
from portal.visits import policy as visits
from portal.waitlist import policy as waitlist

Guard = Callable[[Actor, bool], bool]
OTHER = UUID(int=7)
P, D, C, F, S = "PATIENT", "DOCTOR", "CLINIC_ADMIN", "PHARMACY", "SYSTEM_ADMIN"


def someone(role: Role) -> Actor:
    return Actor(
        id=uuid7(), role=role, status=AccountStatus.ACTIVE, first_name="A", last_name="B", email="a@b.example",
        locale="en", time_zone="UTC", appearance="auto", login_id=uuid7(), clinic_ids=(uuid7(),),
        pharmacy_id=uuid7() if role is Role.PHARMACY else None, unread=0,
    )  # fmt: skip


class Thing:
    """A visit with the actor on both sides of it and at the actor's clinic, or with none of that."""

    def __init__(self, actor: Actor, own: bool) -> None:
        self.patient_id = self.doctor_id = actor.id if own else OTHER
        self.clinic_id = actor.clinic_ids[0] if own else OTHER


def of_person(guard: Callable[..., bool]) -> Guard:
    return lambda actor, own: guard(actor, actor.id if own else OTHER)


def of_clinic(guard: Callable[..., bool]) -> Guard:
    return lambda actor, own: guard(actor, actor.clinic_ids[0] if own else OTHER)


def of_pharmacy(actor: Actor, own: bool) -> bool:
    return pharmacies.may_run(actor, (actor.pharmacy_id if own else None) or OTHER)


def of_thing(guard: Callable[..., Any]) -> Guard:
    return lambda actor, own: guard(actor, Thing(actor, own))


def of_role(guard: Callable[..., bool]) -> Guard:
    return lambda actor, _own: guard(actor)


def moves(action: str) -> Guard:
    return lambda actor, _own: appointments.may_move(actor, action)


# Looked up at each question, so that a policy that has been replaced is the one that answers.
VERDICTS: dict[str, tuple[Guard, str, str]] = {
    "admin.may_suspend": (of_person(lambda *a: not admin.may_suspend(*a)), f"{P} {D} {C} {F} {S}", ""),
    "records.may_open": (of_person(lambda *a: records.may_open(*a)), f"{P} {D} {C} {F} {S}", S),
    "records.may_treat": (of_role(lambda a: records.may_treat(a)), f"{D} {C}", f"{D} {C}"),
    "booking.may_book": (of_person(lambda *a: booking.may_book(*a)), f"{P} {D} {C}", f"{D} {C}"),
    "specialties.may_keep": (of_role(lambda a: specialties.may_keep(a)), f"{C} {S}", f"{C} {S}"),
    "specialties.may_see_inactive": (of_role(lambda a: specialties.may_see_inactive(a)), f"{C} {S}", f"{C} {S}"),
    "repairs.may_repair": (of_role(lambda a: repairs.may_repair(a)), f"{D} {C}", f"{D} {C}"),
    "repairs.may_answer": (of_role(lambda a: repairs.may_answer(a)), f"{P} {D} {C}", f"{P} {D} {C}"),
    "repairs.may_choose": (of_role(lambda a: repairs.may_choose(a)), P, P),
    "slots.may_hold": (of_role(lambda a: slots.may_hold(a)), P, P),
    "slots.may_plan": (of_role(lambda a: slots.may_plan(a)), f"{D} {C}", f"{D} {C}"),
    "slots.may_manage": (
        lambda actor, own: slots.may_manage(actor, Thing(actor, own).doctor_id, Thing(actor, own).clinic_id),
        f"{D} {C}", "",
    ),
    "clinics.may_create": (of_role(lambda a: clinics.may_create(a)), f"{C} {S}", f"{C} {S}"),
    "clinics.may_run": (of_clinic(lambda *a: clinics.may_run(*a)), f"{C} {S}", S),
    "pharmacies.may_create": (of_role(lambda a: pharmacies.may_create(a)), S, S),
    "pharmacies.may_run": (of_pharmacy, f"{F} {S}", S),
    "appointments.may_listen": (of_thing(lambda *a: appointments.may_listen(*a)), f"{P} {D} {C} {F} {S}", ""),
    **{
        f"appointments.may_move {action}": (moves(action), *[" ".join(sorted(move.roles))] * 2)
        for action, move in MOVES.items()
    },
    "referrals.may_refer": (of_role(lambda a: referrals.may_refer(a)), D, D),
    "chat.may_talk": (of_role(lambda a: chat.may_talk(a)), f"{P} {D}", f"{P} {D}"),
    "prescriptions.may_issue": (of_role(lambda a: prescriptions.may_issue(a)), D, D),
    "prescriptions.may_send": (of_role(lambda a: prescriptions.may_send(a)), P, P),
    "prescriptions.may_read": (of_role(lambda a: prescriptions.may_read(a)), f"{P} {D} {F}", f"{P} {D} {F}"),
    "refills.may_ask": (of_role(lambda a: refills.may_ask(a)), P, P),
    "refills.may_answer": (of_role(lambda a: refills.may_answer(a)), D, D),
    "catalogue.may_keep": (of_role(lambda a: catalogue.may_keep(a)), f"{C} {F}", f"{C} {F}"),
    "catalogue.may_read": (of_role(lambda a: catalogue.may_read(a)), f"{C} {D} {F}", f"{C} {D} {F}"),
    "inventory.may_keep": (of_role(lambda a: inventory.may_keep(a)), f"{C} {F}", f"{C} {F}"),
    "dispensing.may_dispense": (of_role(lambda a: dispensing.may_dispense(a)), F, F),
    "emergencies.may_call": (of_role(lambda a: emergencies.may_call(a)), P, P),
    "emergencies.may_help": (of_role(lambda a: emergencies.may_help(a)), D, D),
    "queues.may_run": (of_role(lambda a: queues.may_run(a)), f"{D} {C}", f"{D} {C}"),
    "visits.may_write": (of_role(lambda a: visits.may_write(a)), D, D),
    "waitlist.may_wait": (of_role(lambda a: waitlist.may_wait(a)), P, P),
    "video.may_see": (of_thing(lambda *a: video.may_see(*a)), f"{P} {D} {C} {F} {S}", S),
    "video.is_party": (of_thing(lambda *a: video.is_party(*a)), f"{P} {D} {C} {F} {S}", ""),
    "video.may_create": (of_thing(lambda *a: video.may_create(*a)), f"{P} {D} {C} {S}", S),
    "video.may_cancel": (of_thing(lambda *a: video.may_cancel(*a)), f"{P} {D} {C} {F} {S}", S),
    "people.may_change_doctor": (
        lambda actor, own: people.may_change_doctor(
            actor, actor.id if own else OTHER, actor.clinic_ids if own else [OTHER]
        ),
        f"{D} {C}", "",
    ),
    "people.may_set_availability": (of_person(lambda *a: people.may_set_availability(*a)), D, ""),
    "people.may_staff": (of_clinic(lambda *a: people.may_staff(*a)), f"{C} {S}", S),
    "people.may_reach_profile": (of_person(lambda *a: people.may_reach_profile(*a)), f"{P} {D} {C} {F} {S}", S),
    "people.may_have_patients": (of_role(lambda a: people.may_have_patients(a)), f"{D} {C}", f"{D} {C}"),
}  # fmt: skip


def differences() -> list[str]:
    """Policies that say something else than the table, and to whom."""
    wrong = []
    for name, (guard, own, strange) in VERDICTS.items():
        for role in Role:
            actor = someone(role)
            for is_own, said in ((True, own), (False, strange)):
                if guard(actor, is_own) != (role.value in said.split()):
                    wrong.append(f"{name} to {role.value} for {'own' if is_own else 'strange'} things")
    return wrong
