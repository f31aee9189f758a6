"""Who may do what with slots: pure decisions."""

from uuid import UUID

from portal.accounts.schemas import AccountStatus, Actor, Role


def may_hold(actor: Actor) -> bool:
    """Patients keep times for themselves."""
    return actor.role is Role.PATIENT and actor.status is AccountStatus.ACTIVE


def may_plan(actor: Actor) -> bool:
    """Roles that make times at all."""
    return actor.role in (Role.DOCTOR, Role.CLINIC_ADMIN) and actor.status is AccountStatus.ACTIVE


def may_manage(actor: Actor, doctor_id: UUID, clinic_id: UUID | None) -> bool:
    """A doctor's own times wherever they are, and for a clinic's admin those at the clinic."""
    if actor.role is Role.DOCTOR:
        return actor.id == doctor_id
    return actor.role is Role.CLINIC_ADMIN and clinic_id is not None and clinic_id in actor.clinic_ids
