"""H3: whoever owns the database changes 10,000 rows in six ways; the chain and its anchors find each, with the row."""

import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from portal import db
from portal.audit import jobs, queries
from portal.audit.schemas import Harm
from portal.settings import Settings
from tests import catalogue, portal_command

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool"), pytest.mark.H3]

ROWS, CHAIN, ROW = 10_000, 5, 300
APPEND = """
INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, reason)
SELECT ('00000000-0000-7000-8000-00000000000' || to_hex(n % 16))::uuid, 'DOCTOR', 'record.read', 'patient', n::text,
       CASE WHEN n % 3 = 0 THEN 'Überweisung' END
FROM generate_series($1::int, $2::int - 1) AS n
"""
# The attacker computes every hash anew from a row on, and the head: the database alone looks whole afterwards.
REWRITE = """
DO $$
DECLARE event audit_event; before bytea;
BEGIN
    SELECT hash INTO before FROM audit_event WHERE chain = 5 AND seq = 299;
    FOR event IN SELECT * FROM audit_event WHERE chain = 5 AND seq >= 300 ORDER BY seq LOOP
        event.previous_hash := before;
        IF event.seq = 300 THEN event.subject_id := 'somebody else'; END IF;
        before := audit_digest(event);
        UPDATE audit_event SET previous_hash = event.previous_hash, hash = before, subject_id = event.subject_id
        WHERE chain = 5 AND seq = event.seq;
    END LOOP;
    UPDATE audit_head SET hash = before WHERE chain = 5;
END $$
"""
# A row with the right hash is put in after row 300; all others move up.
INSERT = """
UPDATE audit_event SET seq = -seq WHERE chain = 5 AND seq > 300;
UPDATE audit_event SET seq = 1 - seq WHERE chain = 5 AND seq < 0;
INSERT INTO audit_event
SELECT chain, 301, at, actor_id, actor_role, 'record.read', outcome, subject_type, 'put in', patient_id, reason, request_id,
       hash, hash FROM audit_event WHERE chain = 5 AND seq = 300;
UPDATE audit_event e SET hash = audit_digest(e) WHERE chain = 5 AND seq = 301;
UPDATE audit_head SET seq = seq + 1 WHERE chain = 5
"""
REORDER = """
UPDATE audit_event SET seq = 0 WHERE chain = 5 AND seq = 300;
UPDATE audit_event SET seq = 300 WHERE chain = 5 AND seq = 301;
UPDATE audit_event SET seq = 301 WHERE chain = 5 AND seq = 0
"""
CUT = """
DELETE FROM audit_event WHERE chain = 5 AND seq > 600;
UPDATE audit_head h SET seq = e.seq, hash = e.hash FROM audit_event e WHERE h.chain = 5 AND e.chain = 5 AND e.seq = 600
"""
# What is done, the row it is done to, and how that is told.
ATTACKS = {
    "edit": ("UPDATE audit_event SET action = 'other' WHERE chain = 5 AND seq = 300", 300, Harm.CHANGED),
    "delete": ("DELETE FROM audit_event WHERE chain = 5 AND seq = 300", 300, Harm.MISSING),
    "insert": (INSERT, 301, Harm.UNLINKED),
    "reorder": (REORDER, 300, Harm.CHANGED),
    "cut tail": (CUT, 601, Harm.CUT),
    "full rewrite": (REWRITE, 300, Harm.REWRITTEN),
}
PUT_BACK = """
TRUNCATE audit_event, audit_head;
INSERT INTO audit_event TABLE kept;
INSERT INTO audit_head TABLE kept_head
"""
UNSEEN_WITHOUT_ANCHORS = {"cut tail", "full rewrite"}


@pytest.fixture(scope="module")
async def superuser(settings: Settings, pool: None) -> AsyncIterator[asyncpg.Connection]:
    """Ten thousand rows in sixteen chains, anchored ten times; a connection on which no trigger fires."""
    for first in range(0, ROWS, 1000):
        for begin in range(first, first + 1000, 200):
            await db.execute(APPEND, begin, begin + 200)
        await jobs.anchor(settings)
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("CREATE TABLE kept AS TABLE audit_event; CREATE TABLE kept_head AS TABLE audit_head")
    yield connection
    await connection.close()


@pytest.fixture
async def attacker(superuser: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who owns the database; afterwards all rows are back."""
    yield superuser
    await superuser.execute(PUT_BACK)


async def test_six_attacks_are_found_with_the_row(attacker: asyncpg.Connection, settings: Settings) -> None:
    begun = time.monotonic()
    check = await queries.check_chains(settings)
    seconds = time.monotonic() - begun
    assert (check.whole, check.rows, check.anchors, check.breaks) == (True, ROWS, 10, [])
    found, seen_without = [], set()
    for name, (statement, row, harm) in ATTACKS.items():
        await attacker.execute(statement)
        check = await queries.check_chains(settings)
        hits = [one for one in check.breaks if one.chain == CHAIN and one.seq <= row <= one.until]
        assert not check.whole and harm in {one.harm for one in hits}, (name, check.breaks)
        assert {one.chain for one in check.breaks} == {CHAIN}
        found.append(name)
        if not (await queries.check_chains()).whole:
            seen_without.add(name)
        await attacker.execute(PUT_BACK)
    assert seen_without == ATTACKS.keys() - UNSEEN_WITHOUT_ANCHORS, (
        "the twin without anchors must miss the cunning ones"
    )
    catalogue.figure(
        "H3", f"{len(found)} of 6 attacks on {ROWS:,} rows found with the row; twin without anchors: "
        f"{len(seen_without)} of 6; a check takes {seconds:.1f} s",
    )  # fmt: skip
    assert seconds < 10


async def test_the_anchor_narrows_a_rewrite_down(attacker: asyncpg.Connection, settings: Settings) -> None:
    """The rows between the last anchor that agrees and the first that does not: a minute's worth."""
    await attacker.execute(REWRITE)
    (found,) = (await queries.check_chains(settings)).breaks
    assert found.harm is Harm.REWRITTEN and found.seq <= ROW <= found.until and found.until - found.seq < 70


async def test_rows_put_in_beyond_the_head_and_in_no_chain(attacker: asyncpg.Connection, settings: Settings) -> None:
    await attacker.execute(
        "INSERT INTO audit_event SELECT chain, 999, at, actor_id, actor_role, action, outcome, subject_type, subject_id,"
        " patient_id, reason, request_id, previous_hash, hash FROM audit_event WHERE chain = 5 AND seq = 1"
    )
    await attacker.execute("UPDATE audit_event SET chain = 99 WHERE chain = 7 AND seq = 1")
    breaks = (await queries.check_chains(settings)).breaks
    assert (5, Harm.INSERTED) in {(one.chain, one.harm) for one in breaks}
    assert (99, Harm.INSERTED) in {(one.chain, one.harm) for one in breaks}
    assert (7, Harm.MISSING) in {(one.chain, one.harm) for one in breaks}


async def test_a_head_that_is_gone_or_other(attacker: asyncpg.Connection, settings: Settings) -> None:
    await attacker.execute("DELETE FROM audit_head WHERE chain = 5; UPDATE audit_head SET hash = '' WHERE chain = 6")
    breaks = {one.chain: one for one in (await queries.check_chains()).breaks}
    assert breaks[5].harm is Harm.INSERTED and breaks[6].harm is Harm.CHANGED


async def test_the_command_says_so_and_ends_with_1(
    attacker: asyncpg.Connection, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without anchors it looks whole, and the command says that this says little."""
    await attacker.execute(CUT)
    elsewhere = {"DATABASE_URL": settings.database_url, "PORTAL_DATA": str(tmp_path_factory.mktemp("elsewhere"))}
    alone = portal_command.run("audit", "verify", **elsewhere)
    assert alone.returncode == 2 and "no anchor" in alone.stderr and "as they were written" in alone.stdout
    keys = {**elsewhere, "PORTAL_KEYS": str(settings.data / "keys.json")}
    (file,) = (settings.data / "audit-anchor").iterdir()
    cut = portal_command.run("audit", "verify", "--anchor", str(file), **keys)
    assert cut.returncode == 1 and "chain 5, rows 601 to " in cut.stdout, cut.stdout
