"""The same acts at random on a model and on the portal: both must answer the same, and look the same after each."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Generic, Protocol, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from portal import db
from portal.accounts import tokens
from portal.errors import DomainError
from portal.settings import Settings


class Side(Protocol):
    """The portal behind the acts of a model."""

    async def settle(self) -> None: ...

    async def clean(self) -> None: ...

    async def state(self) -> dict[str, Any]: ...


AnySide = TypeVar("AnySide", bound=Side)


class Check(Generic[AnySide]):
    """One loop with the portal's pool in it, and the people of all runs."""

    def __init__(self, config: Settings, portal: AnySide) -> None:
        self.runner = asyncio.Runner()
        self.portal = portal
        tokens.use_keys(config)
        self.runner.run(db.connect(config))
        self.runner.run(self.portal.settle())

    def close(self) -> None:
        self.runner.run(db.disconnect())
        self.runner.close()


class SideBySide(RuleBasedStateMachine):
    """The rules of a machine are the acts of somebody; what is drawn is who, and on which of the things there are."""

    check: Check[Any]
    model: Any
    runs = steps = 0

    def clean(self) -> None:
        type(self).runs += 1
        self.check.runner.run(self.check.portal.clean())

    def both(self, act: str, *how: Any) -> None:
        type(self).steps += 1
        expected = getattr(self.model, act)(*how)
        answered = self.check.runner.run(getattr(self.check.portal, act)(*how))
        assert answered == expected, (act, how)
        assert self.check.runner.run(self.check.portal.state()) == self.model.state(), (act, how)


def run(found: type[SideBySide], start: int, runs: int, steps: int, *, shrink: bool = True) -> None:
    """Run it from a seed. Raises AssertionError with the shortest way to a difference."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    how = settings(
        max_examples=runs, stateful_step_count=steps, deadline=None, database=None, phases=phases,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(seed(start)(found), settings=how)


async def answer(act: Awaitable[Any]) -> str:
    """ "done", or the code of the refusal."""
    try:
        await act
    except DomainError as error:
        return error.code
    return "done"
