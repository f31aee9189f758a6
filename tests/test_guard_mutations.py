"""Each access rule taken away in turn (C11): the matrix or what was agreed must notice.

The second wall is down meanwhile, so that it hides nothing: what it alone keeps, tests/wall shows. Where a rule is asked
twice, both are taken away; where no cell shows what is lost, the second wall must keep it.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import nullcontext
from hashlib import sha256

import pytest

from tests import catalogue
from tests.access import declared, verdicts
from tests.access.matrix import Caller
from tests.access.mutants import Mutant, declaration, find, noticed
from tests.access.pairs import Pairs
from tests.access.policy import Row, routes
from tests.access.redundant import REDUNDANT
from tests.access.rows import ROWS
from tests.access.stage import settings_for, staged
from tests.access.walled import is_made_good

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.C11]

# The gate tries a few guards of what matters most; the full size tries them all.
GATE = ("/api/appointments", "/api/patients", "/live", "/settings")
# It asks the statements of /settings/practice about other doctors: what they compare is no actor, and no guard.
BESIDE = "PATCH /api/doctors/{doctor_id}"


@pytest.fixture(scope="module")
async def caller(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    async with (
        staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as stage,
        stage.sandbox.without_wall(),
    ):
        yield Caller(stage.app, stage.world, stage.sandbox, await stage.sandbox.rows(), looks_at_changes=True)


def chosen_rows() -> list[Row]:
    return [row for row in ROWS if catalogue.FULL or row.path.startswith(GATE) or row.call == BESIDE]


def by_lot(mutant: Mutant) -> str:
    """An order that nobody chose, in which a new guard leaves the others where they are."""
    return sha256(mutant.name.encode()).hexdigest()


async def test_declarations_are_the_agreed_ones(caller: Caller) -> None:
    wrong = declared.differences(caller.app)
    assert not wrong, "declarations that differ from tests/access/policy.toml:\n" + "\n".join(wrong)


def test_policies_say_what_was_agreed() -> None:
    assert not verdicts.differences()


async def test_a_removed_guard_is_noticed(caller: Caller) -> None:
    rows = chosen_rows()
    mutants = await find(caller, rows)
    pairs = Pairs(caller, rows, mutants)
    tried = mutants if catalogue.FULL else sorted(mutants, key=by_lot)[:20]
    by = {mutant.name: await what_notices(caller, rows, pairs, mutant) for mutant in tried}
    left = [name for name, how in by.items() if not how]
    unexplained = [name for name in left if not any(part in name for part in REDUNDANT)]
    counts = dict(Counter(how for how in by.values() if how))
    kinds = f"{len(left) - len(unexplained)} redundant, {len(unexplained)} missed"
    catalogue.figure("C11", f"{len(by) - len(left)} of {len(by)} removed guards noticed {counts}, {kinds}")
    assert not unexplained, "\n".join(unexplained)
    assert len(left) <= len(by) * 0.05 or not catalogue.FULL


async def what_notices(caller: Caller, rows: list[Row], pairs: Pairs, mutant: Mutant) -> str:
    """What was agreed, or a cell of the matrix; a cell once the guards before this one are gone too; or the second wall."""
    how = await noticed(caller, rows, mutant)
    if how:
        return how if how in ("declaration", "verdict") else "matrix"
    if await pairs.behind(mutant):
        return "behind another"
    return "second wall" if await is_made_good(caller, rows, mutant) else ""


async def test_only_a_wall_that_stands_makes_a_lost_guard_good(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in ROWS if row.call == "GET /api/me/notifications"]
    totals = [one for one in await find(caller, rows) if "SELECT count(*) FROM notification" in one.name]
    assert len(totals) == 1 and await is_made_good(caller, rows, totals[0])
    monkeypatch.setattr(caller.sandbox, "with_wall", nullcontext)
    assert not await is_made_good(caller, rows, totals[0])


async def test_what_is_left_alone_is_not_noticed(caller: Caller) -> None:
    """The harness has nothing against the portal as it is: what it notices comes from what was taken away."""
    rows = chosen_rows()[::6]  # the others have been tried by `find`
    nothing = Mutant("nothing", frozenset(row.call for row in rows), nullcontext)
    assert not await noticed(caller, rows, nothing)
    known, few = routes(caller.app), rows[:3]
    nothing = Mutant("nothing", frozenset(row.call for row in few), nullcontext)
    declarations = [declaration(row.call, known[row.method, row.path]) for row in few]
    assert not await Pairs(caller, few, declarations).behind(nothing)
