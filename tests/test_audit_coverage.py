"""Every read and write of a patient's data leaves its row in the audit (H1); without that row nothing happens (H2)."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from portal import db
from tests import catalogue, factories
from tests.access import canaries
from tests.access.matrix import SAFE, Caller, Cell, Matrix, send
from tests.access.policy import routes
from tests.access.rows import ROWS
from tests.access.stage import Stage, matrix_on, settings_for, staged
from tests.access.world import Side

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend")]

PERSONAL = {"person", "visit", "notes", "consulting", "record", "rx"}  # audiences whose texts are a patient's data


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


@pytest.fixture(scope="module")
async def matrix(stage: Stage) -> Matrix:
    return await matrix_on(stage)


def told(wrong: list[Cell]) -> str:
    counts = Counter(cell.row.call for cell in wrong)
    return "\n".join([*(f"{n} × {call}" for call, n in counts.most_common()), *(str(cell) for cell in wrong[:20])])


def shows_a_patient(cell: Cell) -> bool:
    """Whether the answer told somebody else something of a patient. One's own record is one's own to read."""
    return cell.status < 400 and any(
        what in PERSONAL and side != "pending" and cell.actor != OWNERS.get(side) for side, what in cell.seen
    )


OWNERS = {"owner": "owner", "other": "other", "elsewhere": "far patient", "suspended": "suspended"}


@pytest.mark.H1
def test_every_read_of_a_patient_leaves_a_row(matrix: Matrix) -> None:
    reads = [cell for cell in matrix.cells if cell.row.method in SAFE and shows_a_patient(cell)]
    wrong = [cell for cell in reads if not cell.audits and not cell.row.unaudited]
    catalogue.figure("H1", f"{len(reads)} reads of a patient's data by others: {len(wrong)} without a row")
    assert not wrong, told(wrong)


@pytest.mark.H1
def test_the_row_of_one_record_names_its_patient(matrix: Matrix) -> None:
    """Where a call is about one thing of one patient, the row says whose, so that the patient can see it."""
    reads = [cell for cell in matrix.cells if is_about_one(cell) and shows_a_patient(cell)]
    wrong = [cell for cell in reads if cell.patient_id not in {row["patient_id"] for row in cell.audits}]
    assert reads
    assert not wrong, told(wrong)


def is_about_one(cell: Cell) -> bool:
    of_one = cell.side != "" and "patient" in cell.row.may.split() and cell.row.call not in OF_MANY
    return bool(cell.row.ids) and of_one and not cell.row.unaudited


# To its patients a queue is their own place, and what a doctor has prescribed is their own; to those who see to it,
# everybody at once, and one read.
OF_MANY = {"GET /api/sessions/{session_id}/queue", "GET /api/prescriptions/doctor/{doctor_id}"}


@pytest.mark.H1
def test_every_write_leaves_a_row(matrix: Matrix) -> None:
    writes = [
        cell for cell in matrix.cells
        if cell.row.method not in SAFE and cell.expected.allowed and cell.status < 400 and cell.wrote
    ]  # fmt: skip
    wrong = [cell for cell in writes if not cell.audits and not cell.row.unaudited]
    catalogue.figure("H1", f"{len(writes)} writes: {len(wrong)} without a row")
    assert not wrong, told(wrong)


@pytest.mark.H1
def test_rows_are_complete_and_hold_no_text_of_a_patient(matrix: Matrix) -> None:
    wrong = []
    rows = 0
    for cell in matrix.cells:
        for row in cell.audits:
            rows += 1
            known = row["actor_id"] is not None and row["actor_role"] is not None
            if cell.is_signed_in and not known and not cell.row.path.endswith(OUTSIDE):
                wrong.append(f"{cell}: who? {row['action']}")
            if not (row["action"] and row["subject_type"] and row["subject_id"] and row["at"] and row["outcome"]):
                wrong.append(f"{cell}: {row['action']}")
            if canaries.PATTERN.search(" ".join(str(value) for value in row.values())):
                wrong.append(f"{cell}: holds a text of a person")
    catalogue.figure("H1", f"{rows} rows of {len(matrix.cells)} cells: {len(wrong)} incomplete or with a person's text")
    assert not wrong, wrong[:20]


# What even someone who is signed in does for an account that need not be theirs.
OUTSIDE = ("forgotten-password", "reset-password", "/{token}", "register", "/{role}", "login")


@pytest.mark.H1
def test_the_outcome_is_told(matrix: Matrix) -> None:
    assert {row["outcome"] for cell in matrix.cells for row in cell.audits} <= {"OK", "DENIED", "FAILED"}
    done = [row["outcome"] for cell in matrix.cells if cell.status < 400 for row in cell.audits]
    assert set(done) == {"OK"}


@pytest.mark.H2
async def test_without_the_audit_nothing_is_done(stage: Stage) -> None:
    """The audit cannot be written: each action fails and leaves every row as it was (H2)."""
    caller = Caller(stage.app, stage.world, stage.sandbox, await stage.sandbox.rows())
    known, tried, wrong = routes(stage.app), 0, []
    for row in ROWS:
        handler = known.get((row.method, row.path))
        if handler is None or row.unaudited or row.method in SAFE or row.call in REFUSED_HERE:
            continue
        for actor, side in first_allowed(caller, row, handler):
            tried += 1
            async with stage.sandbox.rolled_back(audit_fails=True):
                answer = await send(stage.app, row, stage.world.people[actor], side)
                kept = row.call in COUNTED_FIRST or await stage.sandbox.rows() == caller.before
                if answer.status < 500 or not kept:
                    wrong.append(f"{row.call} as {actor}: {answer.status}")
    catalogue.figure("H2", f"{tried} writes while the audit cannot be written: {len(wrong)} left anything")
    assert not wrong, "\n".join(wrong)
    assert tried > 50


# What has nothing to do in this world, and so nothing to write into the audit; it has a test of its own.
REFUSED_HERE = {"POST /first-available"}
# A try at a code counts whatever becomes of it, before it is made: what is left is one try less.
COUNTED_FIRST = {"POST /api/prescriptions/open", "POST /counter/open"}


@pytest.mark.H2
async def test_without_the_audit_nobody_is_seen_now(stage: Stage) -> None:
    """The first doctor who is free: with a patient who has no visit in the next minutes, as all others here have."""
    specialty = await factories.specialty()
    patient, doctor = await factories.patient(), await factories.doctor(specialty_id=specialty)
    await db.execute("UPDATE doctor SET availability_status = 'AVAILABLE' WHERE account_id = $1", doctor.id)
    before, side = await stage.sandbox.rows(), Side("", {"specialty": specialty})
    row = next(row for row in ROWS if row.call in REFUSED_HERE)
    for audit_fails, status in ((False, 303), (True, 503)):
        async with stage.sandbox.rolled_back(audit_fails=audit_fails):
            answer = await send(stage.app, row, patient, side)
            is_done = await stage.sandbox.rows() != before
        assert answer.status == status and is_done is not audit_fails, f"{answer.status}, {is_done}"


@pytest.mark.H2
async def test_without_the_audit_nothing_is_shown(stage: Stage) -> None:
    """Nor does anybody but the patient read a record of which no row could be kept."""
    caller = Caller(stage.app, stage.world, stage.sandbox, set())
    known, tried, wrong = routes(stage.app), 0, []
    for row in ROWS:
        handler = known.get((row.method, row.path))
        if handler is None or row.unaudited or row.method not in SAFE or not {"doctor", "admin"} & set(row.may.split()):
            continue
        for actor, side in first_allowed(caller, row, handler, ("treating", "admin here")):
            tried += 1
            async with stage.sandbox.rolled_back(audit_fails=True):
                answer = await send(stage.app, row, stage.world.people[actor], side)
                if {what for _side, what in canaries.seen(answer)} & PERSONAL:
                    wrong.append(f"{row.call} as {actor}: {answer.status}")
    catalogue.figure("H2", f"{tried} reads while the audit cannot be written: {len(wrong)} showed anything")
    assert not wrong, "\n".join(wrong)


def first_allowed(caller: Caller, row, handler, only: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    """The first actor (of those named) and side for which a row succeeds."""
    for actor, side in caller.pairs(row, handler):
        if (not only or actor in only) and caller.wanted(row, handler, actor, side).allowed:
            return [(actor, side)]
    return []
