"""Who may wait for a time. Whose place on the list it is, the statements themselves see to."""

from portal.accounts.schemas import AccountStatus, Actor, Role


def may_wait(actor: Actor) -> bool:
    """Patients, for themselves."""
    return actor.role is Role.PATIENT and actor.status is AccountStatus.ACTIVE
