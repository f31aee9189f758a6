"""Who may see and change whom. Whether somebody is a patient of theirs, the statements themselves see to."""

from collections.abc import Iterable
from uuid import UUID

from portal.accounts.schemas import Actor, Role


def may_change_doctor(actor: Actor, doctor_id: UUID, workplaces: Iterable[UUID]) -> bool:
    """The doctor, and the admins of a clinic where the doctor works."""
    if actor.role is Role.CLINIC_ADMIN:
        return not set(actor.clinic_ids).isdisjoint(workplaces)
    return actor.role is Role.DOCTOR and actor.id == doctor_id


def may_set_availability(actor: Actor, doctor_id: UUID) -> bool:
    """The doctor alone."""
    return actor.role is Role.DOCTOR and actor.id == doctor_id


def may_staff(actor: Actor, clinic_id: UUID) -> bool:
    """Bring doctors to a clinic: its admins, and system admins."""
    return actor.role is Role.SYSTEM_ADMIN or (actor.role is Role.CLINIC_ADMIN and clinic_id in actor.clinic_ids)


def may_reach_profile(actor: Actor, user_id: UUID) -> bool:
    """Everybody their own, system admins all."""
    return actor.id == user_id or actor.role is Role.SYSTEM_ADMIN


def may_have_patients(actor: Actor) -> bool:
    """Roles that see the people who have an appointment with them."""
    return actor.role in (Role.DOCTOR, Role.CLINIC_ADMIN)
