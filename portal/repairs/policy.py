"""Who may repair a day, and who may answer an offer. Whose visits they are, the statements themselves see to."""

from portal.accounts.schemas import Actor, Role

STAFF = frozenset({Role.DOCTOR, Role.CLINIC_ADMIN})


def may_repair(actor: Actor) -> bool:
    """Doctors and clinic admins offer something else, and take it back."""
    return actor.role in STAFF


def may_answer(actor: Actor) -> bool:
    """The patient, or for a patient who calls the staff."""
    return actor.role is Role.PATIENT or actor.role in STAFF


def may_choose(actor: Actor) -> bool:
    """Declining and asking for video is for the patient alone."""
    return actor.role is Role.PATIENT
