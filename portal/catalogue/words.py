"""Amounts with what they are counted in, in the present language: what a medicine comes in, and what comes out of it."""

from collections.abc import Callable
from decimal import Decimal

from portal.web.i18n import _, ngettext

COUNTED: dict[str, Callable[[int, str], str]] = {
    "TABLETS": lambda n, amount: ngettext("%(amount)s tablet", "%(amount)s tablets", n, amount=amount),
    "CAPSULES": lambda n, amount: ngettext("%(amount)s capsule", "%(amount)s capsules", n, amount=amount),
    "BOTTLES": lambda n, amount: ngettext("%(amount)s bottle", "%(amount)s bottles", n, amount=amount),
    "VIALS": lambda n, amount: ngettext("%(amount)s vial", "%(amount)s vials", n, amount=amount),
    "AMPOULES": lambda n, amount: ngettext("%(amount)s ampoule", "%(amount)s ampoules", n, amount=amount),
    "TUBES": lambda n, amount: ngettext("%(amount)s tube", "%(amount)s tubes", n, amount=amount),
    "SACHETS": lambda n, amount: ngettext("%(amount)s sachet", "%(amount)s sachets", n, amount=amount),
    "INHALERS": lambda n, amount: ngettext("%(amount)s inhaler", "%(amount)s inhalers", n, amount=amount),
    "PATCHES": lambda n, amount: ngettext("%(amount)s patch", "%(amount)s patches", n, amount=amount),
    "SUPPOSITORIES": lambda n, amount: ngettext("%(amount)s suppository", "%(amount)s suppositories", n, amount=amount),
    "PACKS": lambda n, amount: ngettext("%(amount)s pack", "%(amount)s packs", n, amount=amount),
    "UNITS": lambda n, amount: ngettext("%(amount)s unit", "%(amount)s units", n, amount=amount),
    "DROPS": lambda n, amount: ngettext("%(amount)s drop", "%(amount)s drops", n, amount=amount),
    "PUFFS": lambda n, amount: ngettext("%(amount)s puff", "%(amount)s puffs", n, amount=amount),
    "APPLICATIONS": lambda n, amount: ngettext("%(amount)s application", "%(amount)s applications", n, amount=amount),
    "MILLILITRES": lambda _n, amount: _("%(amount)s ml", amount=amount),
    "MILLIGRAMS": lambda _n, amount: _("%(amount)s mg", amount=amount),
    "GRAMS": lambda _n, amount: _("%(amount)s g", amount=amount),
}


def counted(amount: Decimal, unit: str, written: str) -> str:
    """An amount with its unit, "1 tablet", where `written` is the number as it is shown."""
    number = abs(int(amount)) if amount == int(amount) else 2  # a part of one is said as of several
    return COUNTED[unit](number, written)
