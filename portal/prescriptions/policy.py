"""Who may do what with a prescription, and what a doctor is warned of before signing one."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.prescriptions import doses
from portal.prescriptions.schemas import WHOLE_UNITS, Frequency, NewItem, Prescription, Warned
from portal.web.i18n import _

# A help, and no more: substances of one family, as they are called in most countries.
FAMILIES = {
    "penicillin": "amoxicillin ampicillin flucloxacillin cloxacillin dicloxacillin piperacillin phenoxymethylpenicillin "
    "benzylpenicillin pivmecillinam co-amoxiclav",
    "cephalosporin": "cefalexin cephalexin cefuroxime ceftriaxone cefixime cefazolin cefaclor cefotaxime cefpodoxime",
    "sulfonamide": "sulfamethoxazole sulfadiazine sulfasalazine co-trimoxazole cotrimoxazole",
    "nsaid": "ibuprofen naproxen diclofenac ketoprofen indometacin meloxicam celecoxib etoricoxib piroxicam aspirin "
    "acetylsalicylic ketorolac mefenamic",
    "aspirin": "acetylsalicylic ibuprofen naproxen diclofenac",
    "opioid": "morphine codeine tramadol oxycodone fentanyl hydromorphone tapentadol buprenorphine methadone",
    "macrolide": "erythromycin clarithromycin azithromycin roxithromycin",
    "quinolone": "ciprofloxacin levofloxacin moxifloxacin ofloxacin norfloxacin",
    "tetracycline": "doxycycline minocycline lymecycline oxytetracycline",
    "paracetamol": "acetaminophen",
    "acetaminophen": "paracetamol",
}  # fmt: skip
SPELLINGS = {"sulfa": "sulfonamide", "sulpha": "sulfonamide", "sulfonamides": "sulfonamide", "nsaids": "nsaid",
             "asa": "aspirin", "cephalosporins": "cephalosporin", "cefalosporin": "cephalosporin",
             "opiates": "opioid", "opiate": "opioid", "penicillins": "penicillin"}  # fmt: skip
# The same substance under two names, and what is said beside its name: salts, which many substances share, and forms.
SAME = {"acetaminophen": "paracetamol", "acetylsalicylic": "aspirin", "asa": "aspirin", "albuterol": "salbutamol",
        "epinephrine": "adrenaline", "frusemide": "furosemide", "cephalexin": "cefalexin", "lignocaine": "lidocaine",
        "glyburide": "glibenclamide", "rifampin": "rifampicin", "cyclosporine": "ciclosporin",
        "cyclosporin": "ciclosporin", "dipyrone": "metamizole", "cotrimoxazole": "co-trimoxazole"}  # fmt: skip
_UNTELLING = (
    "sodium disodium potassium calcium magnesium zinc chloride hydrochloride dihydrochloride hcl bromide hydrobromide "
    "sulfate sulphate phosphate diphosphate succinate fumarate tartrate bitartrate maleate malate mesylate mesilate "
    "besylate besilate tosylate tosilate citrate acetate nitrate lactate gluconate carbonate valerate propionate "
    "dipropionate furoate xinafoate acid salt hydrate monohydrate dihydrate trihydrate hemihydrate anhydrous tablet "
    "tablets capsule capsules syrup suspension solution injection cream ointment gel drops spray patch powder forte "
    "retard mg mcg ml"
)
UNTELLING = frozenset(_UNTELLING.split())
# A strength behind a name; a single bare digit may be a part of it, as in vitamin B 6.
AMOUNT = re.compile(
    r"(?<![\w-])(?:[0-9]+(?:[.,][0-9]+)?\s*(?:mg|g|mcg|\u03bcg|micrograms?|ml|iu|units?|%)|[0-9]{2,}|[0-9]+[.,][0-9]+)(?![\w-])"
)
A_DAY = {
    "ONCE_DAILY": 1, "TWICE_DAILY": 2, "THREE_TIMES_DAILY": 3, "FOUR_TIMES_DAILY": 4, "IN_THE_MORNING": 1,
    "AT_BEDTIME": 1, "EVERY_4_HOURS": 6, "EVERY_6_HOURS": 4, "EVERY_8_HOURS": 3, "EVERY_12_HOURS": 2,
    "AS_NEEDED_MAX_1": 1, "AS_NEEDED_MAX_2": 2, "AS_NEEDED_MAX_3": 3, "AS_NEEDED_MAX_4": 4, "ONCE": 1,
    "EVERY_OTHER_DAY": 1, "ONCE_WEEKLY": 1,
}  # fmt: skip
EVERY_DAYS = {"EVERY_OTHER_DAY": 2, "ONCE_WEEKLY": 7}


class Medicine(NamedTuple):
    """What a patient takes already."""

    drug_name: str
    active_ingredient: str


class Limit(NamedTuple):
    """The most of a medicine a day, in its unit."""

    amount: Decimal
    unit: str


def may_issue(actor: Actor) -> bool:
    """Verified doctors, in their own visits."""
    return actor.role is Role.DOCTOR and actor.status is AccountStatus.ACTIVE


def may_send(actor: Actor) -> bool:
    """Patients, their own."""
    return actor.role is Role.PATIENT


def may_read(actor: Actor) -> bool:
    """The parties, and pharmacies that it was sent to or that opened it: the second wall knows whose it is."""
    return actor.role in (Role.PATIENT, Role.DOCTOR, Role.PHARMACY)


def is_past(prescription: Prescription, now: datetime) -> bool:
    """Whether its validity is over, also where no job has said so yet."""
    return now >= prescription.valid_until


def times(frequency: Frequency, days: int) -> int:
    """How many doses that makes in so many days."""
    if frequency is Frequency.ONCE:
        return 1
    each = EVERY_DAYS.get(frequency, 1)
    return -(-days // each) * A_DAY[frequency]


def needed(
    dose: Decimal, dose_unit: str, frequency: Frequency, days: int, unit: str, strength: str = ""
) -> Decimal | None:
    """How much that is in all; None where the dose is counted in something that the quantity cannot be compared with."""
    return doses.in_units(dose * times(frequency, days), dose_unit, unit, strength, whole=unit in WHOLE_UNITS)


def warnings(
    items: Sequence[NewItem],
    allergies: Iterable[str],
    taken: Iterable[Medicine],
    limits: dict[int, Limit],
) -> list[Warned]:
    """All that speaks against these items, each once; `limits` by the position of an item, from 1."""
    allergies, taken = list(allergies), list(taken)
    found: list[Warned] = []
    for position, item in enumerate(items, 1):
        found += against_allergies(position, item, allergies)
        found += twice(position, item, items[: position - 1], taken)
        found += against_amounts(position, item, limits.get(position))
    return list({one.key: one for one in found}.values())


def against_allergies(position: int, item: NewItem, allergies: list[str]) -> Iterator[Warned]:
    """The patient's allergies that this medicine, or its family, is named in."""
    words = set(words_of(f"{item.drug_name} {item.active_ingredient or ''}"))
    for substance in allergies:
        if words & relatives(substance) or any(related(one, other) for one in words for other in words_of(substance)):
            text = _(
                "%(drug)s: the record names an allergy to %(substance)s.", drug=item.drug_name, substance=substance
            )
            yield Warned(key=key("ALLERGY", position, substance), kind="ALLERGY", item=position, detail=text)


def twice(position: int, item: NewItem, before: Sequence[NewItem], taken: list[Medicine]) -> Iterator[Warned]:
    """The same active ingredient above on this prescription, or among what the patient takes already."""
    own = ingredients(item.drug_name or "", item.active_ingredient or "")
    for other in before:
        if name := shared(own, ingredients(other.drug_name or "", other.active_ingredient or "")):
            text = _("%(drug)s: %(ingredient)s is on this prescription already.", drug=item.drug_name, ingredient=name)
            yield Warned(key=key("DUPLICATE", position, name), kind="DUPLICATE", item=position, detail=text)
    for medicine in taken:
        if shared(own, ingredients(medicine.drug_name, medicine.active_ingredient)):
            text = _(
                "%(drug)s: the patient already has an active prescription of %(other)s.",
                drug=item.drug_name,
                other=medicine.drug_name,
            )
            name = key("ACTIVE_PRESCRIPTION", position, medicine.drug_name)
            yield Warned(key=name, kind="ACTIVE_PRESCRIPTION", item=position, detail=text)


def against_amounts(position: int, item: NewItem, limit: Limit | None) -> Iterator[Warned]:
    """More or less than dose and duration make, or more a day than the catalogue allows."""
    strength, quantity = item.strength or "", f"{item.quantity:f}"
    total = needed(item.dose, item.dose_unit, item.frequency, item.duration_days, item.unit, strength)
    if total is None and doses.should_compare(item.dose_unit, item.unit):
        text = _(
            "%(drug)s: dose and quantity are counted differently, so they could not be compared.", drug=item.drug_name
        )
        name = key("QUANTITY", position, f"not compared {quantity} {item.unit}")
        yield Warned(key=name, kind="QUANTITY", item=position, detail=text)
    elif total is not None and total != item.quantity:
        text = _(
            "%(drug)s: the quantity is %(quantity)s, dose and duration make %(needed)s.",
            drug=item.drug_name,
            quantity=quantity,
            needed=f"{total:f}",
        )
        yield Warned(key=key("QUANTITY", position, quantity), kind="QUANTITY", item=position, detail=text)
    if limit is None:
        return
    daily = doses.in_units(item.dose * A_DAY[item.frequency], item.dose_unit, limit.unit, strength, whole=False)
    if daily is not None and daily > limit.amount:
        text = _(
            "%(drug)s: %(daily)s a day is more than the most of %(limit)s.",
            drug=item.drug_name,
            daily=f"{daily:f}",
            limit=f"{limit.amount.normalize():f}",
        )
        yield Warned(key=key("MAX_DAILY", position, f"{daily:f}"), kind="MAX_DAILY", item=position, detail=text)


def key(kind: str, position: int, subject: str) -> str:
    """What a warning is acknowledged by: another one as soon as anything of it changes."""
    return f"{kind}:{position}:{folded(subject)}"[:200]


def folded(text: str) -> str:
    """Without case and accents, so that names meet however they were typed."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).strip()


def words_of(text: str) -> list[str]:
    """The words that can name a substance."""
    return [word for word in parted(text) if len(word) > 2]


def parted(text: str) -> list[str]:
    """All words, whatever they are written in: vowel signs of Hindi belong to them, which `\\w` leaves out."""
    kept = (sign if sign == "-" or unicodedata.category(sign)[0] in "LMN" else " " for sign in folded(text))
    return "".join(kept).split()


def relatives(substance: str) -> set[str]:
    """The family that a named allergy stands for."""
    named = {SPELLINGS.get(word, word) for word in words_of(substance)}
    return {relative for name in named for relative in FAMILIES.get(name, "").split()} | (named & FAMILIES.keys())


def related(one: str, other: str) -> bool:
    """The same word, or the beginning of the other one (a salt, a plural)."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= 5 and long.startswith(short))


def ingredients(drug_name: str, active_ingredient: str) -> dict[str, set[str]]:
    """The substances that a medicine is made of, each with its words; its name stands in where nobody wrote them down."""
    parts = re.split(r"[+,/;&|]|\band\b", AMOUNT.sub(" ", folded(active_ingredient or drug_name)))
    return {part.strip(): words for part in parts if (words := telling(part))}


def telling(part: str) -> set[str]:
    """The words that tell a substance from others, each under one name; a salt is told by its salt if by nothing else."""
    words = {SAME.get(word, word) for word in parted(part)}
    return words - UNTELLING or words


def shared(own: dict[str, set[str]], others: dict[str, set[str]]) -> str:
    """The first of one's own substances that the others have too, in whatever salt or spelling; empty for none."""
    same = (name for name in sorted(own) if any(is_same(own[name], other) for other in others.values()))
    return next(same, "")


def is_same(one: set[str], other: set[str]) -> bool:
    """Whether every word of the shorter name is one of the longer: insulin is insulin glargine, glargine is not aspart."""
    short, long = sorted((one, other), key=len)
    return all(any(related(word, known) for known in long) for word in short)
