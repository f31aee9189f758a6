"""What is stored as a code, as people read it, in the present language."""

from decimal import Decimal

from portal.catalogue.words import counted
from portal.prescriptions.schemas import Item
from portal.web.i18n import _, ngettext
from portal.web.scalars import exact


def frequency_words() -> dict[str, str]:
    """How often."""
    return {
        "ONCE": _("once only"), "ONCE_DAILY": _("once a day"), "TWICE_DAILY": _("twice a day"),
        "THREE_TIMES_DAILY": _("three times a day"), "FOUR_TIMES_DAILY": _("four times a day"),
        "IN_THE_MORNING": _("in the morning"), "AT_BEDTIME": _("at bedtime"), "EVERY_4_HOURS": _("every 4 hours"),
        "EVERY_6_HOURS": _("every 6 hours"), "EVERY_8_HOURS": _("every 8 hours"),
        "EVERY_12_HOURS": _("every 12 hours"), "EVERY_OTHER_DAY": _("every other day"),
        "ONCE_WEEKLY": _("once a week"), "AS_NEEDED_MAX_1": _("as needed, at most once a day"),
        "AS_NEEDED_MAX_2": _("as needed, at most twice a day"),
        "AS_NEEDED_MAX_3": _("as needed, at most three times a day"),
        "AS_NEEDED_MAX_4": _("as needed, at most four times a day"),
    }  # fmt: skip


def dose_unit_words() -> dict[str, str]:
    """What a dose is counted in, to choose from."""
    return {
        "TABLETS": _("tablets"), "CAPSULES": _("capsules"), "VIALS": _("vials"), "AMPOULES": _("ampoules"),
        "SACHETS": _("sachets"), "PATCHES": _("patches"), "SUPPOSITORIES": _("suppositories"), "MILLILITRES": _("ml"),
        "MILLIGRAMS": _("mg"), "GRAMS": _("g"), "UNITS": _("units"), "DROPS": _("drops"), "PUFFS": _("puffs"),
        "APPLICATIONS": _("applications"),
    }  # fmt: skip


def amount_words(amount: Decimal, unit: str) -> str:
    """An amount with its unit: "1 tablet", "0.5 tablets"."""
    return counted(amount, unit, exact(amount))


def days_words(days: int) -> str:
    """For how long."""
    return ngettext("for %(n)s day", "for %(n)s days", days)


def directions_of(dose: Decimal, dose_unit: str, frequency: str, days: int) -> str:
    """How it is taken, in one line: "1 tablet, three times a day, for 7 days"."""
    parts = [amount_words(dose, dose_unit), frequency_words()[frequency]]
    return _(", ").join(parts if frequency == "ONCE" else [*parts, days_words(days)])


def directions(item: Item) -> str:
    """The same of an issued item."""
    return directions_of(item.dose, item.dose_unit, item.frequency, item.duration_days)
