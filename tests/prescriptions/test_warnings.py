"""What a doctor is warned of: pure rules, one by one."""

from decimal import Decimal
from typing import Any

import pytest

from portal.catalogue.schemas import UnitType
from portal.prescriptions import policy
from portal.prescriptions.policy import Limit, Medicine
from portal.prescriptions.schemas import DoseUnit, Frequency, NewItem

IN_HINDI = "\u092a\u0947\u0930\u093e\u0938\u093f\u091f\u093e\u092e\u094b\u0932"  # paracetamol


def one(drug: str, ingredient: str | None = None, **more: Any) -> NewItem:
    given = {
        "drug_name": drug, "active_ingredient": ingredient, "strength": "1 mg", "form": "tablets", "dose": Decimal(1),
        "dose_unit": DoseUnit.TABLETS, "frequency": Frequency.ONCE_DAILY, "duration_days": 10, "quantity": Decimal(10),
        "unit": UnitType.TABLETS,
    }  # fmt: skip
    return NewItem(**{**given, **more})


def kinds(items: list[NewItem], allergies: Any = (), taken: Any = (), limits: Any = None) -> list[str]:
    return [f"{w.kind}:{w.item}" for w in policy.warnings(items, allergies, taken, limits or {})]


@pytest.mark.parametrize(("allergy", "drug", "ingredient"), [
    ("Penicillin", "Amoxil", "amoxicillin"), ("penicillins", "Augmentin", "Amoxicillin + clavulanic acid"),
    ("Ibuprofen", "Nurofen", "ibuprofen"), ("Sulfa", "Bactrim", "sulfamethoxazole/trimethoprim"),
    ("Aspirin", "Brufen", "ibuprofen"), ("NSAIDs", "Voltaren", "Diclofenac sodium"), ("codéine", "Codeine phosphate", None),
    ("amoxicilin", "Amoxicilina", None), ("paracetamol", "Tylenol", "Acetaminophen"),
])  # fmt: skip
def test_allergies(allergy: str, drug: str, ingredient: str | None) -> None:
    assert kinds([one(drug, ingredient)], [allergy]) == ["ALLERGY:1"]


@pytest.mark.parametrize(
    ("allergy", "drug"), [("Latex", "Ramipril"), ("Peanuts", "Metformin"), ("Penicillin", "Ramipril"), ("", "X")]
)
def test_no_allergy(allergy: str, drug: str) -> None:
    assert kinds([one(drug)], [allergy]) == []


def test_the_same_ingredient() -> None:
    assert kinds([one("Panadol", "Paracetamol"), one("Tylenol", "paracetamol + codeine")]) == ["DUPLICATE:2"]
    assert kinds([one("Ramipril"), one("ramipril")]) == ["DUPLICATE:2"]
    taken = [Medicine("Delix", "ramipril"), Medicine("Delix", "ramipril")]
    assert kinds([one("Ramipril")], taken=taken) == ["ACTIVE_PRESCRIPTION:1"]
    assert kinds([one("Ramipril"), one("Metformin")], taken=[Medicine("Insulin", "")]) == []


@pytest.mark.parametrize(("first", "second"), [
    ("Metoprolol succinate", "Metoprolol"), ("Levothyroxine sodium", "Levothyroxine"), ("Paracetamol 500", "Paracetamol"),
    ("Acetaminophen", "Paracetamol"), ("Metoprolol succinate", "Metoprolol tartrate"), ("Aspirin", "Acetylsalicylic acid"),
    ("Paracetamol 500 mg tablets", "Paracetamol 1 g capsules"), ("Sodium valproate", "Valproate"),
    ("Amoxicillin 875 mg/125 mg", "Amoxicillin"), ("Tylenol (acetaminophen)", "Paracetamol + codeine"),
    ("Levotiroxina s\u00f3dica", "Levotiroxina"), ("Insulin", "Insulin glargine"), ("Ibuprofeno", "Ibuprofen"),
    (f"{IN_HINDI} 500", IN_HINDI),
])  # fmt: skip
def test_the_same_in_another_salt_or_spelling(first: str, second: str) -> None:
    for one_name, other in ((first, second), (second, first)):
        assert kinds([one("A", one_name), one("B", other)]) == ["DUPLICATE:2"]
        assert kinds([one("A", one_name)], taken=[Medicine("B", other)]) == ["ACTIVE_PRESCRIPTION:1"]
        assert kinds([one(one_name)], taken=[Medicine(other, "")]) == ["ACTIVE_PRESCRIPTION:1"]


@pytest.mark.parametrize(("first", "second"), [
    ("Diclofenac sodium", "Naproxen sodium"), ("Levothyroxine sodium", "Sodium chloride"), ("Vitamin C", "Vitamin D"),
    ("Potassium chloride", "Sodium chloride"), ("Insulin glargine", "Insulin aspart"), ("Folic acid", "Ascorbic acid"),
    ("Ibuprofen", "Aspirin"), ("Ramipril tablets", "Metformin tablets"), ("Atorvastatin calcium", "Calcium carbonate"),
    ("Isosorbide mononitrate", "Isosorbide dinitrate"), ("Ramipril 5 mg", "Bisoprolol 5 mg"), ("Prednisone", "Prednisolone"),
])  # fmt: skip
def test_others_are_not_the_same(first: str, second: str) -> None:
    assert kinds([one("A", first), one("B", second)], taken=[Medicine("C", first)]) == ["ACTIVE_PRESCRIPTION:1"]
    assert kinds([one("B", second)], taken=[Medicine("C", first)]) == []


@pytest.mark.parametrize(("frequency", "dose", "days", "quantity"), [
    ("THREE_TIMES_DAILY", "1", 7, "21"), ("ONCE", "2", 30, "2"), ("EVERY_OTHER_DAY", "1", 7, "4"),
    ("ONCE_WEEKLY", "1", 28, "4"),
    ("TWICE_DAILY", "0.5", 7, "7"), ("ONCE_DAILY", "0.5", 7, "4"), ("AS_NEEDED_MAX_3", "1", 5, "15"),
    ("EVERY_6_HOURS", "1", 2, "8"),
])  # fmt: skip
def test_what_dose_and_duration_make(frequency: str, dose: str, days: int, quantity: str) -> None:
    given: dict[str, Any] = {"frequency": Frequency(frequency), "dose": Decimal(dose), "duration_days": days}
    assert kinds([one("X", quantity=Decimal(quantity), **given)]) == []
    assert kinds([one("X", quantity=Decimal(quantity) + 1, **given)]) == ["QUANTITY:1"]


def test_units_that_cannot_be_compared() -> None:
    drops = one("X", dose=Decimal(3), dose_unit=DoseUnit.DROPS, quantity=Decimal(1), unit=UnitType.BOTTLES)
    assert kinds([drops], limits={1: Limit(Decimal(1), "BOTTLES")}) == []


@pytest.mark.parametrize(("strength", "dose", "unit", "quantity"), [
    ("400 mg", "400 MILLIGRAMS", "TABLETS", "21"), ("400mg", "800 MILLIGRAMS", "TABLETS", "42"),
    ("0.5 g", "500 MILLIGRAMS", "CAPSULES", "21"), ("0,5 g", "1 GRAMS", "SACHETS", "42"),
    ("47.5 mg", "95 MILLIGRAMS", "TABLETS", "42"), ("300 mg", "100 MILLIGRAMS", "TABLETS", "7"),
    ("300 mg", "0.1 MILLIGRAMS", "TABLETS", "1"), ("50 micrograms", "0.1 MILLIGRAMS", "TABLETS", "42"),
    ("50 \u00b5g", "0.1 MILLIGRAMS", "TABLETS", "42"), ("80 mg", "80 MILLIGRAMS", "AMPOULES", "21"),
    ("250 mg/5 ml", "500 MILLIGRAMS", "MILLILITRES", "210"), ("3 mg/ml", "1 MILLIGRAMS", "MILLILITRES", "7"),
    ("0.7 mg / ml", "0.1 MILLIGRAMS", "MILLILITRES", "3"),
])  # fmt: skip
def test_a_dose_in_mg(strength: str, dose: str, unit: str, quantity: str) -> None:
    """Three times a day for a week, in exact decimals; the strength says what one unit holds."""
    amount, _space, dose_unit = dose.partition(" ")
    given: dict[str, Any] = {
        "strength": strength, "dose": Decimal(amount), "dose_unit": DoseUnit(dose_unit), "unit": UnitType(unit),
        "frequency": Frequency.THREE_TIMES_DAILY, "duration_days": 7,
    }  # fmt: skip
    assert kinds([one("X", quantity=Decimal(quantity), **given)]) == []
    assert kinds([one("X", quantity=Decimal(9999), **given)]) == ["QUANTITY:1"]


@pytest.mark.parametrize(("strength", "dose_unit", "unit", "told"), [
    ("875 mg/125 mg", "MILLIGRAMS", "TABLETS", True), ("400 mg film-coated", "GRAMS", "CAPSULES", True),
    ("1,000 mg", "MILLIGRAMS", "TABLETS", True), ("0 mg", "MILLIGRAMS", "TABLETS", True),
    ("250 mg/5 ml", "MILLIGRAMS", "TABLETS", True), ("400 mg", "CAPSULES", "TABLETS", True),
    ("1%", "GRAMS", "TUBES", False), ("1%", "APPLICATIONS", "GRAMS", False), ("120 mg/5 ml", "MILLILITRES", "BOTTLES", False),
    ("80 mg/2 ml", "MILLIGRAMS", "AMPOULES", False), ("0.1%", "DROPS", "BOTTLES", False),
    ("100 micrograms", "PUFFS", "INHALERS", False), ("100 units/ml", "UNITS", "VIALS", False),
    ("400 mg", "MILLIGRAMS", "BOTTLES", False),
])  # fmt: skip
def test_what_could_not_be_compared_is_said(strength: str, dose_unit: str, unit: str, told: bool) -> None:
    """Of what is taken whole; not of creams, drops, syrups and injections, where that is so every day."""
    given: dict[str, Any] = {"strength": strength, "dose_unit": DoseUnit(dose_unit), "unit": UnitType(unit)}
    assert kinds([one("X", quantity=Decimal(10), **given)]) == (["QUANTITY:1"] if told else [])


def test_the_most_a_day_of_a_dose_in_mg() -> None:
    given: dict[str, Any] = {
        "strength": "300 mg", "dose_unit": DoseUnit.MILLIGRAMS, "frequency": Frequency.TWICE_DAILY, "quantity": Decimal(7),
        "duration_days": 1,
    }  # fmt: skip
    for dose, kind in (("1000", ["MAX_DAILY:1"]), ("900.001", ["MAX_DAILY:1"]), ("900", [])):
        found = kinds([one("X", dose=Decimal(dose), **given)], limits={1: Limit(Decimal(6), "TABLETS")})
        assert [one for one in found if one != "QUANTITY:1"] == kind, dose


def test_the_most_a_day() -> None:
    wanted = one("X", dose=Decimal(2), frequency=Frequency.FOUR_TIMES_DAILY, duration_days=1, quantity=Decimal(8))
    assert kinds([wanted], limits={1: Limit(Decimal(8), "TABLETS")}) == []
    assert kinds([wanted], limits={1: Limit(Decimal("7.5"), "TABLETS")}) == ["MAX_DAILY:1"]


def test_an_acknowledged_warning_is_of_one_thing() -> None:
    """Another quantity, another medicine or another place on the paper is another warning."""
    keys = {w.key for q in ("12", "13") for w in policy.warnings([one("X", quantity=Decimal(q))], (), (), {})}
    assert len(keys) == 2
