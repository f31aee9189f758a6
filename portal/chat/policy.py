"""Who may talk. Whose conversation it is, the statements themselves see to."""

from portal.accounts.schemas import Actor, Role

MOST_FILES = 50  # of one visit


def may_talk(actor: Actor) -> bool:
    """Patients and doctors, in their own visits."""
    return actor.role in (Role.PATIENT, Role.DOCTOR)
