"""Who may write the notes of a visit. Whose visit it is, the statements themselves see to."""

from portal.accounts.schemas import AccountStatus, Actor, Role


def may_write(actor: Actor) -> bool:
    """Doctors, in the visits that are theirs."""
    return actor.role is Role.DOCTOR and actor.status is AccountStatus.ACTIVE
