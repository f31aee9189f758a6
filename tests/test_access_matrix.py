"""Who may call what: every route as every actor, with own, foreign and unknown things (C1), foreign as if absent (C2)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from time import perf_counter

import pytest

from tests import catalogue
from tests.access import canaries
from tests.access.matrix import Cell, Matrix
from tests.access.stage import matrix_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.C1]

TEXT_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND (data_type IN ('text', 'character varying', 'jsonb', 'json') OR udt_name = '_text')
  AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE')
"""


@pytest.fixture(scope="module")
async def matrix(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    began = perf_counter()
    found = await matrix_of(database_url, tmp_path_factory.mktemp("data"))
    routes = len({(cell.row.method, cell.row.path) for cell in found.cells})
    wrong, leaking = sum(not cell.is_right for cell in found.cells), sum(bool(cell.leaks) for cell in found.cells)
    seconds = perf_counter() - began
    catalogue.figure(
        "C1", f"{routes} routes, {len(found.cells)} cells, {wrong} wrong, {leaking} leaking, {seconds:.0f} s"
    )
    return found


def told(cells: Iterator[Cell] | list[Cell], more: str = "") -> str:
    """The first of what went wrong, and how often each route did."""
    wrong = list(cells)
    counts = Counter(cell.row.call for cell in wrong)
    return "\n".join(
        [more, *(str(cell) for cell in wrong[:40]), *(f"{n} × {call}" for call, n in counts.most_common())]
    )


def test_every_route_has_a_row(matrix: Matrix) -> None:
    assert not matrix.unruled, (
        "routes without a policy row: add `Row(…)` for each to tests/access/rows_….py, naming who may call it"
        f" (see tests/access/policy.py):\n{chr(10).join(matrix.unruled)}"
    )
    assert not matrix.unfillable, (
        f"rows that name things which tests/access/things.py does not make: {matrix.unfillable}"
    )
    assert not matrix.stale, f"rows for routes that do not exist: {matrix.stale}"


def test_every_answer_is_the_declared_one(matrix: Matrix) -> None:
    wrong = [cell for cell in matrix.cells if not cell.is_right]
    assert not wrong, told(wrong)


def test_nothing_breaks(matrix: Matrix) -> None:
    wrong = [cell for cell in matrix.cells if cell.status >= 500 or cell.faults]
    assert not wrong, told(wrong, str([cell.faults for cell in wrong][:5]))


def test_nobody_reads_what_is_not_theirs(matrix: Matrix) -> None:
    wrong = [cell for cell in matrix.cells if cell.leaks]
    assert not wrong, told(wrong, str([sorted(cell.leaks) for cell in wrong][:20]))


def test_refused_calls_change_nothing(matrix: Matrix) -> None:
    wrong = [cell for cell in matrix.cells if cell.is_changed]
    assert not wrong, told(wrong)


@pytest.mark.C2
def test_foreign_is_as_absent(matrix: Matrix) -> None:
    """One answer for all that is refused to one actor on one route, byte by byte."""
    answers: dict[tuple[str, int, str], dict[str, Cell]] = defaultdict(dict)
    for cell in matrix.cells:
        if cell.side and not cell.expected.allowed and not cell.row.is_vague:
            answers[cell.row.call, id(cell.row), cell.actor][cell.fingerprint] = cell
    wrong = {key: found for key, found in answers.items() if len(found) > 1}
    assert not wrong, "\n".join(
        f"{key[0]} as {key[2]}: {[str(cell) for cell in found.values()]}" for key, found in wrong.items()
    )


def test_everybody_sees_something(matrix: Matrix) -> None:
    """The search bites: those who may read a text have been shown it."""
    shown = {(what, cell.actor) for cell in matrix.cells for _whose, what in cell.seen}
    assert {("visit", "owner"), ("visit", "treating"), ("visit", "admin here"), ("notes", "treating")} <= shown
    assert {what for what, _actor in shown} >= {"person", "visit", "notes", "record", "staff"}


async def test_every_text_column_has_an_audience(database_url: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(TEXT_COLUMNS)
    await connection.close()
    missing = [f"{table}.{column}" for table, column in rows if not canaries.is_explained(table, column)]
    assert not missing, (
        "text columns without a line in tests/access/canaries.py (COLUMNS: who may read it, and set a canary in"
        f" tests/access/things.py; or PUBLIC: why not): {sorted(missing)}"
    )
