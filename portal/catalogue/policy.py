"""Who may keep the catalogue, which all places share, and who may look medicines up in it."""

from portal.accounts.schemas import Actor, Role

KEEPERS = frozenset({Role.PHARMACY, Role.CLINIC_ADMIN})
READERS = KEEPERS | {Role.DOCTOR}


def may_keep(actor: Actor) -> bool:
    """Pharmacists and clinic admins."""
    return actor.role in KEEPERS


def may_read(actor: Actor) -> bool:
    """They, and doctors, who prescribe from it."""
    return actor.role in READERS
