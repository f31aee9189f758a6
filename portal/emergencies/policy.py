"""Who may do what with a call for help. Whose it is, the statements and the second wall see to."""

from portal.accounts.schemas import Actor, Role


def may_call(actor: Actor) -> bool:
    """Patients call for help."""
    return actor.role is Role.PATIENT


def may_help(actor: Actor) -> bool:
    """Doctors answer."""
    return actor.role is Role.DOCTOR
