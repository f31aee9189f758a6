"""Who may give out medicines. Which prescriptions they may see, the statements and the second wall see to."""

from portal.accounts.schemas import AccountStatus, Actor, Role


def may_dispense(actor: Actor) -> bool:
    """Verified pharmacists who belong to a pharmacy."""
    return actor.role is Role.PHARMACY and actor.status is AccountStatus.ACTIVE and actor.pharmacy_id is not None


def may_see_fills(actor: Actor) -> bool:
    """Whoever may see prescriptions at all: their patient and doctor, and pharmacies."""
    return actor.role in (Role.PATIENT, Role.DOCTOR, Role.PHARMACY)
