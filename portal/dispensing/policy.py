"""Who may give out medicines. Which prescriptions they may see, the statements and the second wall see to."""

from portal.accounts.schemas import AccountStatus, Actor, Role


def may_dispense(actor: Actor) -> bool:
    """Verified pharmacists who belong to a pharmacy."""
    return actor.role is Role.PHARMACY and actor.status is AccountStatus.ACTIVE and actor.pharmacy_id is not None
