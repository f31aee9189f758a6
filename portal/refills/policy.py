"""Who may ask for more, and who answers. Whose prescription it is, the statements see to."""

from portal.accounts.schemas import Actor, Role
from portal.prescriptions.policy import may_issue


def may_ask(actor: Actor) -> bool:
    """Patients, of their own prescriptions."""
    return actor.role is Role.PATIENT


def may_answer(actor: Actor) -> bool:
    """The doctor who issued it, as long as they may issue at all."""
    return may_issue(actor)
