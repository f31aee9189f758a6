"""Guards that stand behind others: taken away alone, they show nothing; with the others gone as well, they do.

A rule is often asked twice on purpose, where a thing is read and where it is changed. Such a guard is proven by the cells
that go wrong when both are away, and do not when only the other one is; or, where a rule is asked more often, when all
guards of a call are away, and not when all but this one are.
"""

from collections.abc import Iterable
from contextlib import ExitStack

from tests.access.matrix import Caller
from tests.access.mutants import Mutant
from tests.access.policy import Row, routes

Wrong = frozenset[tuple[str, str, str]]


class Pairs:
    """Looks for the guards behind which another one stands."""

    def __init__(self, caller: Caller, rows: list[Row], mutants: Iterable[Mutant]) -> None:
        self._caller, self._mutants = caller, list(mutants)
        self._rows = {row.call: row for row in rows}
        self._known = routes(caller.app)
        self._alone: dict[tuple[str, str], Wrong] = {}  # what goes wrong in a call without one guard

    async def behind(self, mutant: Mutant) -> str:
        """The guard without which this one keeps something by itself, or how many there are; nothing when it keeps nothing."""
        for call in sorted(mutant.calls):
            others = [one for one in self._mutants if one.name != mutant.name and call in one.calls]
            for other in others:
                without_both = await self._wrong(call, other, mutant)
                if without_both and without_both - await self._wrong_alone(call, other):
                    return other.name
            if await self._wrong(call, *others, mutant) - await self._wrong(call, *others):
                return f"{len(others)} others of {call}"
        return ""

    async def _wrong_alone(self, call: str, mutant: Mutant) -> Wrong:
        if (call, mutant.name) not in self._alone:
            self._alone[call, mutant.name] = await self._wrong(call, mutant)
        return self._alone[call, mutant.name]

    async def _wrong(self, call: str, *away: Mutant) -> Wrong:
        """The complaints of the cells of a call, by actor and side, while these guards are away."""
        row = self._rows[call]
        with ExitStack() as removed:
            for mutant in away:
                removed.enter_context(mutant.removed())
            cells = await self._caller.cells(row, self._known[row.method, row.path])
        return frozenset((cell.actor, cell.side, what) for cell in cells for what in cell.complaints)
