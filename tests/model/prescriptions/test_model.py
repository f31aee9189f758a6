"""E9: prescriptions, counters and stock do what a model of them does, at random; a wrong model or portal is found at once."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from portal.dispensing import refusals
from portal.dispensing import statements as at_the_counter
from portal.inventory import ledger
from portal.prescriptions import statements as on_the_pad
from portal.settings import Settings
from tests import catalogue
from tests.model.prescriptions.machine import machine
from tests.model.prescriptions.model import Model
from tests.model.prescriptions.portal_side import Portal
from tests.model.side_by_side import Check, run
from tests.owner import as_owner

pytestmark = [pytest.mark.E9, pytest.mark.usefixtures("anyio_backend")]
RUNS, STEPS = (500, 50) if catalogue.FULL else (15, 25)
FEW = 400  # runs at most in which each mistake must be found; a dozen do as a rule


@pytest.fixture(scope="module")
def check(settings: Settings) -> Iterator[Check[Portal]]:
    made = Check(settings, Portal())
    yield made
    made.close()


def test_portal_and_model_never_differ(check: Check[Portal]) -> None:
    start = random.SystemRandom().randrange(2**32) if catalogue.FULL else 7090
    print(f"seed {start}")
    checked = machine(check)
    run(checked, start, RUNS, STEPS)
    catalogue.figure("E9", f"{checked.runs} runs, {checked.steps} steps, 0 divergences, seed {start}")
    assert checked.runs >= RUNS


class ExpiresByTheJobAlone(Model):
    """What is past its time is filled until a job has looked at it."""

    def pass_by(self, number: int) -> None: ...


class SendsAwayWhoOpened(Model):
    """A pharmacy that was told the code loses sight of what the patient sends elsewhere."""

    def send(self, who: str, number: int, pharmacy: str) -> str:
        answer = super().send(who, number, pharmacy)
        if answer == "done":
            self.papers[number].access = {(pharmacy, "SENT")}
        return answer


class GivesTheLastToExpire(Model):
    def take(self, place: str, drug: str, much: int, batch: int | None) -> dict[int, int]:
        self.batches.reverse()
        parts = super().take(place, drug, much, None if batch is None else len(self.batches) - 1 - batch)
        self.batches.reverse()
        return {len(self.batches) - 1 - number: part for number, part in parts.items()}


class CountsWhatFits(Model):
    """A try at a code counts also where code and date of birth are right."""

    def open(self, who: str, number: int, born: bool) -> str:
        answer = super().open(who, number, born)
        if answer == "done":
            self.tries[number] += 1
        return answer


class StaysFilled(Model):
    """What is taken back leaves the paper filled."""

    def undo(self, who: str, number: int) -> str:
        paper = self.papers[self.fills[number].paper]
        status, answer = paper.status, super().undo(who, number)
        paper.status = "FILLED" if status == "FILLED" else paper.status
        return answer


def found_after(check: Check[Portal], model: type[Model] = Model) -> int:
    """In which run the difference shows."""
    wrong = machine(check, model)
    with pytest.raises(AssertionError):
        run(wrong, 7090, FEW, STEPS, shrink=False)
    return wrong.runs


WRONG = [ExpiresByTheJobAlone, SendsAwayWhoOpened, GivesTheLastToExpire, CountsWhatFits, StaysFilled]


@pytest.mark.parametrize("model", WRONG)
def test_a_wrong_model_is_found(check: Check[Portal], model: type[Model]) -> None:
    catalogue.figure("E9", f"twin {model.__name__}: found after {found_after(check, model)} runs")


def test_an_undo_that_credits_twice_is_found(check: Check[Portal], monkeypatch: pytest.MonkeyPatch) -> None:
    once = ledger.give_back_in_tx

    async def twice(*what: Any, **more: Any) -> None:
        await once(*what, **more)
        await once(*what, **more)

    monkeypatch.setattr(ledger, "give_back_in_tx", twice)
    catalogue.figure("E9", f"twin that credits twice: found after {found_after(check)} runs")


def test_a_transfer_that_keeps_the_first_pharmacy_is_found(
    check: Check[Portal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_the_pad, "END_SENT", "SELECT $1::uuid, $2::uuid")
    catalogue.figure("E9", f"twin that goes on showing what was sent elsewhere: found after {found_after(check)} runs")


def test_a_counter_without_its_guards_is_found(check: Check[Portal], monkeypatch: pytest.MonkeyPatch) -> None:
    """All three of them: the look at each line, the statement's, and the table's, which cannot come back after this."""
    monkeypatch.setattr(refusals, "of_line", lambda row, line: None)
    monkeypatch.setattr(at_the_counter, "FILL", at_the_counter.FILL.rpartition(" AND ")[0])
    check.runner.run(as_owner("ALTER TABLE prescription_item DROP CONSTRAINT prescription_item_never_beyond"))
    catalogue.figure("E9", f"twin without its guards: found after {found_after(check)} runs")
