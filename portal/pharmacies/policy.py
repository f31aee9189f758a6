"""Who may change pharmacies."""

from uuid import UUID

from portal.accounts.schemas import Actor, Role


def may_create(actor: Actor) -> bool:
    """System admins, and a pharmacist who has none yet."""
    return actor.role is Role.SYSTEM_ADMIN or (actor.role is Role.PHARMACY and actor.pharmacy_id is None)


def may_run(actor: Actor, pharmacy_id: UUID) -> bool:
    """Its own pharmacists, and system admins."""
    return actor.role is Role.SYSTEM_ADMIN or (actor.role is Role.PHARMACY and actor.pharmacy_id == pharmacy_id)
