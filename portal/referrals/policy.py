"""Who may lead a patient on to another visit. Whose visit it is, the statements themselves see to."""

from portal.accounts.schemas import AccountStatus, Actor, Role


def may_refer(actor: Actor) -> bool:
    """Doctors, from their own visits."""
    return actor.role is Role.DOCTOR and actor.status is AccountStatus.ACTIVE
