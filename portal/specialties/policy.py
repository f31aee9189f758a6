"""Who may change the list of specialties, which all clinics share."""

from portal.accounts.schemas import Actor, Role

KEEPERS = frozenset({Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN})


def may_keep(actor: Actor) -> bool:
    """Clinic admins and system admins."""
    return actor.role in KEEPERS


def may_see_inactive(viewer: Actor | None) -> bool:
    """Keepers see what is offered no longer, to offer it again."""
    return viewer is not None and viewer.role in KEEPERS
