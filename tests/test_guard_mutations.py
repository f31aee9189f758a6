"""Each access rule taken away in turn (C11): the matrix or what was agreed must notice.

The second wall is down meanwhile, so that it hides nothing: what it alone keeps, tests/wall shows.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import nullcontext
from hashlib import sha256

import pytest

from tests import catalogue
from tests.access import declared, verdicts
from tests.access.matrix import Caller
from tests.access.mutants import Mutant, find, noticed
from tests.access.policy import Row
from tests.access.redundant import REDUNDANT
from tests.access.rows import ROWS
from tests.access.stage import settings_for, staged

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
    if not catalogue.FULL:
        mutants = sorted(mutants, key=by_lot)[:20]
    by = {mutant.name: await noticed(caller, rows, mutant) for mutant in mutants}
    counts = Counter(how.split(" ")[0] if how in ("declaration", "verdict") else "matrix" for how in by.values() if how)
    unnoticed = [name for name, how in by.items() if not how]
    unexplained = [name for name in unnoticed if not any(part in name for part in REDUNDANT)]
    kinds = f"{len(unnoticed) - len(unexplained)} redundant, {len(unexplained)} missed"
    catalogue.figure("C11", f"{sum(counts.values())} of {len(by)} removed guards noticed {dict(counts)}, {kinds}")
    assert not unexplained, "\n".join(unexplained)
    assert len(unnoticed) <= len(by) * 0.05 or not catalogue.FULL


async def test_what_is_left_alone_is_not_noticed(caller: Caller) -> None:
    """The harness has nothing against the portal as it is: what it notices comes from what was taken away."""
    rows = chosen_rows()[::6]  # the others have been tried by `find`
    nothing = Mutant("nothing", frozenset(row.call for row in rows), nullcontext)
    assert not await noticed(caller, rows, nothing)
