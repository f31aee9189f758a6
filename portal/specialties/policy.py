"""Who may change the list of specialties, which all clinics share."""

from portal.accounts.schemas import Actor, Role

KEEPERS = frozenset({Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN})


def may_keep(actor: Actor) -> bool:
    return actor.role in KEEPERS


def may_see_inactive(viewer: Actor | None) -> bool:
    return viewer is not None and viewer.role in KEEPERS
