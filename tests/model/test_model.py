"""A12: the portal and a model of it do the same at random, and never differ; a wrong model or portal is found at once."""

import random
from collections.abc import Iterator
from fractions import Fraction

import pytest

from portal.settings import Settings
from tests import catalogue
from tests.model.machine import machine
from tests.model.model import Model, Time, Visit
from tests.model.portal_side import Portal
from tests.model.side_by_side import Check, run
from tests.owner import as_owner

pytestmark = [pytest.mark.A12, pytest.mark.usefixtures("anyio_backend")]
RUNS, STEPS = (500, 50) if catalogue.FULL else (25, 30)
FEW = 400  # runs at most in which each mistake must be found; a dozen do as a rule


@pytest.fixture(scope="module")
def check(settings: Settings) -> Iterator[Check[Portal]]:
    made = Check(settings, Portal())
    yield made
    made.close()


def test_portal_and_model_never_differ(check: Check[Portal]) -> None:
    start = random.SystemRandom().randrange(2**32) if catalogue.FULL else 7040
    print(f"seed {start}")
    checked = machine(check)
    run(checked, start, RUNS, STEPS)
    catalogue.figure("A12", f"{checked.runs} runs, {checked.steps} steps, 0 divergences, seed {start}")
    assert checked.runs >= RUNS


class ForgetsNoShows(Model):
    """The time of a visit that was missed stays taken."""

    def move(self, who: str, role: str, number: int, action: str) -> str:
        time = self.times[self.visits[number].time]
        taken, answer = time.visit, super().move(who, role, number, action)
        time.visit = taken if action == "no-show" else time.visit
        return answer


class HoldsForEver(Model):
    """A hold that has run out still counts."""

    def expire(self, number: int) -> None: ...


class IsAtTwoPlaces(Model):
    """A patient may have two visits at one time."""

    def is_busy(self, patient: str, time: Time) -> bool:
        return False


class CallsByNumber(Model):
    """Whoever misses a call stays where they were."""

    def behind(self, number: int, but: Visit | None = None) -> Fraction:
        return Fraction(0)


class LetsEverybodyIn(Model):
    """A walk-in is at the end of the queue."""

    def walk_in(self, who: str, role: str, patient: str) -> str:
        answer = super().walk_in(who, role, patient)
        if answer == "done":
            self.visits[-1].rank = Fraction(99)
        return answer


def found_after(check: Check[Portal], model: type[Model]) -> int:
    """In which run the difference shows."""
    wrong = machine(check, model)
    with pytest.raises(AssertionError):
        run(wrong, 7040, FEW, STEPS, shrink=False)
    return wrong.runs


@pytest.mark.parametrize("model", [ForgetsNoShows, HoldsForEver, IsAtTwoPlaces, CallsByNumber, LetsEverybodyIn])
def test_a_wrong_model_is_found(check: Check[Portal], model: type[Model]) -> None:
    catalogue.figure("A12", f"twin {model.__name__}: found after {found_after(check, model)} runs")


def test_a_wrong_portal_is_found(check: Check[Portal]) -> None:
    """An end that changes the visit and forgets its slot."""
    check.runner.run(as_owner("ALTER TABLE appointment DISABLE TRIGGER appointment_ended"))
    try:
        catalogue.figure("A12", f"twin without the trigger: found after {found_after(check, Model)} runs")
    finally:
        check.runner.run(as_owner("ALTER TABLE appointment ENABLE TRIGGER appointment_ended"))
