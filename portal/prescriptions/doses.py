"""What a dose is in the units of a quantity: exact sums of decimals, and None where nobody can say."""

import re
import unicodedata
from decimal import Decimal

MASSES = {"MILLIGRAMS": Decimal(1), "GRAMS": Decimal(1000)}  # in milligrams
WRITTEN = {
    "mcg": "0.001", "\u03bcg": "0.001", "ug": "0.001", "microgram": "0.001", "micrograms": "0.001", "mg": "1",
    "milligram": "1", "milligrams": "1", "g": "1000", "gram": "1000", "grams": "1000",
}  # fmt: skip
# "400 mg", "0.5 g", "47,5mg"; and "250 mg/5 ml". A comma before three digits may be one of thousands: nobody can say.
_NUMBER = r"([0-9]+(?:\.[0-9]+|,[0-9]{1,2})?)"
_STRENGTH = re.compile(_NUMBER + r"\s*(" + "|".join(WRITTEN) + r")(?:\s*/\s*(?:" + _NUMBER + r"\s*)?ml)?")
_MILLILITRE = re.compile(r"/.*ml$")
# Each holds what its strength says. A bottle, a tube or a pack does not: that is the strength of what is in it.
ONE_BY_ONE = frozenset({"TABLETS", "CAPSULES", "VIALS", "AMPOULES", "SACHETS", "PATCHES", "SUPPOSITORIES"})
# What is taken whole, so that a dose in another unit is worth a question; injections are ordered by mg and ml every day.
TAKEN_WHOLE = ONE_BY_ONE - {"VIALS", "AMPOULES"}
STEP = Decimal("0.001")  # as fine as amounts are stored


def in_units(amount: Decimal, given_in: str, unit: str, strength: str, *, whole: bool) -> Decimal | None:
    """So much of a dose's unit, in units of the quantity, rounded up to whole ones or to a thousandth."""
    step = Decimal(1) if whole else STEP
    if given_in == unit:
        return _up(amount, Decimal(1), step)
    holds = _held_by_one(unit, strength)
    if given_in not in MASSES or holds is None:
        return None
    milligrams, of = holds
    return _up(amount * MASSES[given_in] * of, milligrams, step)


def should_compare(dose_unit: str, unit: str) -> bool:
    """Whether a doctor is told that nobody could compare: not of creams, drops and syrups, where that is so every day."""
    return unit in TAKEN_WHOLE and (dose_unit in MASSES or dose_unit in TAKEN_WHOLE)


def _held_by_one(unit: str, strength: str) -> tuple[Decimal, Decimal] | None:
    """So many milligrams in so many units, as far as the strength says so in one plain way."""
    text = unicodedata.normalize("NFKC", strength).casefold().strip()
    found = _STRENGTH.fullmatch(text)
    if found is None:
        return None
    number, mass, of = found.groups()
    milligrams = _read(number) * Decimal(WRITTEN[mass])
    per_millilitre = _MILLILITRE.search(text) is not None
    units = _read(of) if of else Decimal(1)
    fits = unit == "MILLILITRES" if per_millilitre else unit in ONE_BY_ONE
    return (milligrams, units) if fits and milligrams and units else None


def _read(number: str) -> Decimal:
    return Decimal(number.replace(",", "."))


def _up(amount: Decimal, each: Decimal, step: Decimal) -> Decimal:
    """How many steps of `each` make at least the amount: by whole division, so that nothing is rounded on the way."""
    number, rest = divmod(amount, each * step)
    total = (number + bool(rest)) * step
    return total.normalize() if total % 1 else total.quantize(Decimal(1))
