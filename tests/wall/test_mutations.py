"""The matrix with one guard of the application taken away at a time: how many foreign rows the second wall keeps (C7)."""

from collections.abc import AsyncIterator
from random import Random

import pytest

from tests import catalogue
from tests.access.matrix import Caller
from tests.access.mutants import Mutant, find
from tests.access.policy import Row, routes
from tests.access.rows import ROWS
from tests.access.stage import settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.C7]

GATE = ("/api/appointments/{", "/api/patients")  # with `PORTAL_RACES=full` all routes
GUARDS = 8


@pytest.fixture(scope="module")
async def caller(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as stage:
        yield Caller(stage.app, stage.world, stage.sandbox, await stage.sandbox.rows(), looks_at_changes=True)


async def exposed(caller: Caller, rows: list[Row], mutant: Mutant) -> int:
    """The calls that show or change somebody else's rows without this guard."""
    known, count = routes(caller.app), 0
    with mutant.removed():
        for row in rows:
            if row.call in mutant.calls:
                cells = await caller.cells(row, known[row.method, row.path])
                count += sum(bool(cell.leaks or cell.is_changed or cell.faults) for cell in cells)
    return count


async def test_the_second_wall_holds_alone(caller: Caller) -> None:
    rows = [row for row in ROWS if catalogue.FULL or row.path.startswith(GATE)]
    alone, both = {}, {}
    async with caller.sandbox.without_wall():
        guards = [one for one in await find(caller, rows) if not one.name.startswith("declaration")]
        if not catalogue.FULL:
            guards = Random(7).sample(guards, GUARDS)
        for guard in guards:
            alone[guard.name] = await exposed(caller, rows, guard)
    for guard in guards:
        if alone[guard.name]:
            both[guard.name] = await exposed(caller, rows, guard)
    open_to, left = sum(alone.values()), sum(both.values())
    catalogue.figure(
        "C7",
        f"{len(both)} guards removed in turn: {open_to} calls exposed, {open_to - left} stopped by the second wall",
    )
    told = [f"{count} of {alone[name]}: {name}" for name, count in both.items() if count]
    assert open_to > 0 and left <= open_to * 0.05, "\n".join(told)
