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
    if not mutant.sql or not await _finds_more(caller, rows, mutant):
        return False
    async with caller.sandbox.with_wall():
        return not await _finds_more(caller, rows, mutant)


async def _finds_more(caller: Caller, rows: list[Row], mutant: Mutant) -> bool:
    known, found = routes(caller.app), _Compared(caller, mutant)
    with ExitStack() as undo:
        for name in READERS:
            undo.enter_context(patch.object(db, name, found.reading(getattr(db, name))))
        for row in rows:
            if row.call in mutant.calls and not found.differs:
                await caller.cells(row, known[row.method, row.path])
    return found.differs


class _Compared:
    """Asks both statements wherever the first one is asked; the call at hand goes on with the first one's answer."""

    def __init__(self, caller: Caller, mutant: Mutant) -> None:
        self._sandbox, self._mutant = caller.sandbox, mutant
        self.differs = False

    def reading(self, read: Any) -> Any:
        async def run(sql: str, *args: Any, **how: Any) -> Any:
            if sql == self._mutant.sql:
                answers = [await self._answer(read, one, args, how) for one in (sql, self._mutant.mutated, sql)]
                # An answer that tells the time is another one each time, and says nothing.
                self.differs |= answers[0] == answers[2] != answers[1]
            return await read(sql, *args, **how)

        return run

    async def _answer(self, read: Any, sql: str, args: tuple[Any, ...], how: dict[str, Any]) -> Any:
        async with self._sandbox.undone():
            try:
                return await read(sql, *args, **how)
            except Exception as error:
                return type(error)
