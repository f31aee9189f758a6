"""Guards of SQL that the second wall stands in for: without them a statement finds more, but not through the policies."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from portal import db
from tests.access.matrix import Caller
from tests.access.mutants import READERS, Mutant
from tests.access.policy import Row, routes


async def is_made_good(caller: Caller, rows: list[Row], mutant: Mutant) -> bool:
    """Whether the statement without the guard finds something else as long as the wall is down, and nothing else behind it."""
    if not mutant.sql or not (await _compared(caller, rows, mutant)).differs:
        return False
    async with caller.sandbox.with_wall():
        behind = await _compared(caller, rows, mutant)
    return behind.compared > 0 and not behind.differs


async def _compared(caller: Caller, rows: list[Row], mutant: Mutant) -> "_Compared":
    known, found = routes(caller.app), _Compared(caller, mutant)
    with ExitStack() as undo:
        for name in READERS:
            undo.enter_context(patch.object(db, name, found.reading(getattr(db, name))))
        for row in rows:
            if row.call in mutant.calls and not found.differs:
                await caller.cells(row, known[row.method, row.path])
    return found


class _Compared:
    """Asks both statements wherever the first one is asked; the call at hand goes on with the first one's answer."""

    def __init__(self, caller: Caller, mutant: Mutant) -> None:
        self._sandbox, self._mutant = caller.sandbox, mutant
        self.compared = 0
        self.differs = False

    def reading(self, read: Any) -> Any:
        async def run(sql: str, *args: Any, **how: Any) -> Any:
            if sql == self._mutant.sql:
                answers = [await self._answer(read, one, args, how) for one in (sql, self._mutant.mutated, sql)]
                # An error says nothing, nor does an answer that tells the time, which is another one each time.
                if answers[0] == answers[2] and not isinstance(answers[0], type):
                    self.compared += 1
                    self.differs |= answers[1] != answers[0]
            return await read(sql, *args, **how)

        return run

    async def _answer(self, read: Any, sql: str, args: tuple[Any, ...], how: dict[str, Any]) -> Any:
        async with self._sandbox.undone():
            try:
                return await read(sql, *args, **how)
            except Exception as error:
                return type(error)
