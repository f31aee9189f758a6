"""Who keeps stock where, and when what there is will have been used."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from portal.accounts.schemas import Actor, Role
from portal.errors import Forbidden, NotFound

KEEPERS = frozenset({Role.PHARMACY, Role.CLINIC_ADMIN})
USE_DAYS = 60  # of which the use is looked at
FEWEST_DAYS = 14  # one busy day is no habit
FARTHEST = timedelta(days=3650)


def may_keep(actor: Actor) -> bool:
    """Pharmacists for their pharmacy, clinic admins for their clinics."""
    return actor.role in KEEPERS


def own_locations(actor: Actor) -> list[UUID]:
    """The places whose stock somebody keeps. Raises `Forbidden` for roles that keep none."""
    if not may_keep(actor):
        raise Forbidden
    if actor.role is Role.CLINIC_ADMIN:
        return sorted(actor.clinic_ids)
    return [actor.pharmacy_id] if actor.pharmacy_id else []


def among_own(actor: Actor, wanted: UUID | None) -> list[UUID]:
    """The place that is meant, or all of one's own. Raises `NotFound` for one that is not."""
    own = own_locations(actor)
    if wanted is None:
        return own
    if wanted not in own:
        raise NotFound
    return [wanted]


def demand_own(actor: Actor, *wanted: UUID) -> None:
    """Raises `Forbidden` for roles that keep no stock, `NotFound` for places that are not one's own."""
    if set(wanted) - set(own_locations(actor)):
        raise NotFound


def forecast(quantity: Decimal, used: Decimal, first_day: date | None, today: date) -> tuple[Decimal, date | None]:
    """The use of a day, and the day on which nothing is left; None where nothing is used, or not for years.

    >>> forecast(Decimal(30), Decimal(60), date(2026, 1, 1), date(2026, 3, 1))[1]
    datetime.date(2026, 3, 31)
    """
    if first_day is None or used <= 0:
        return Decimal(0), None
    days = min(USE_DAYS, max(FEWEST_DAYS, (today - first_day).days + 1))
    daily = used / days
    left = timedelta(days=int(min(max(quantity, Decimal(0)) / daily, Decimal(FARTHEST.days + 1))))
    return daily.quantize(Decimal("0.001")), today + left if left <= FARTHEST else None


def chosen(own: Sequence[UUID], wanted: UUID | None) -> UUID | None:
    """The place that a page is about: the one asked for, else the first. Raises `NotFound` for another's."""
    if wanted is not None and wanted not in own:
        raise NotFound
    return wanted or next(iter(own), None)
