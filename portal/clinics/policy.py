"""Who may change clinics."""

from uuid import UUID

from portal.accounts.schemas import Actor, Role


def may_create(actor: Actor) -> bool:
    """Whoever makes a clinic as its admin, and system admins."""
    return actor.role in (Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)


def may_run(actor: Actor, clinic_id: UUID) -> bool:
    """Its own admins, and system admins."""
    return actor.role is Role.SYSTEM_ADMIN or (actor.role is Role.CLINIC_ADMIN and clinic_id in actor.clinic_ids)
