"""What a doctor is warned of: pure rules, one by one."""

from decimal import Decimal
from typing import Any

import pytest

from portal.catalogue.schemas import UnitType
from portal.prescriptions import policy
from portal.prescriptions.policy import Limit, Medicine
from portal.prescriptions.schemas import DoseUnit, Frequency, NewItem


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


def test_the_most_a_day() -> None:
    wanted = one("X", dose=Decimal(2), frequency=Frequency.FOUR_TIMES_DAILY, duration_days=1, quantity=Decimal(8))
    assert kinds([wanted], limits={1: Limit(Decimal(8), "TABLETS")}) == []
    assert kinds([wanted], limits={1: Limit(Decimal("7.5"), "TABLETS")}) == ["MAX_DAILY:1"]


def test_an_acknowledged_warning_is_of_one_thing() -> None:
    """Another quantity, another medicine or another place on the paper is another warning."""
    keys = {w.key for q in ("12", "13") for w in policy.warnings([one("X", quantity=Decimal(q))], (), (), {})}
    assert len(keys) == 2
