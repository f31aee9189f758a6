"""The tables that the code names are the tables that the migrations make."""

import re
from pathlib import Path

import pytest
from piccolo.columns import Column, Serial
from piccolo.table import Table

import piccolo_conf  # noqa: F401  # the engine and the app registry
from portal import db
from portal.piccolo_app import APP_CONFIG
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

MIGRATIONS = Path(__file__).parent.parent / "migrations"
TYPES = {
    "UUID": "uuid", "Text": "text", "Timestamptz": "timestamp with time zone", "Date": "date",
    "Time": "time without time zone", "Boolean": "boolean", "SmallInt": "smallint", "Integer": "integer",
    "BigInt": "bigint", "Bytea": "bytea", "JSONB": "jsonb", "DoublePrecision": "double precision", "Numeric": "numeric",
    "Array": "ARRAY",
}  # fmt: skip
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'YES' AS nullable FROM information_schema.columns
WHERE table_schema = 'public' AND is_generated = 'NEVER'
"""
NOT_OURS = re.compile(r"^pgqueuer|^migration$|^known_account$")  # the last is a view


async def test_tables_match_migrations() -> None:
    stored = {
        (row["table_name"], row["column_name"]): (row["data_type"], row["nullable"])
        for row in await db.fetch(COLUMNS)
        if not NOT_OURS.match(row["table_name"])
    }
    declared = {
        (table._meta.tablename, column._meta.db_column_name): (TYPES[type(column).__name__], bool(column._meta.null))
        for table in APP_CONFIG.table_classes
        for column in _columns(table)
    }
    assert declared == stored


def _columns(table: type[Table]) -> list[Column]:
    """The declared columns: Piccolo adds a Serial `id` of its own to tables whose key is compound."""
    return [column for column in table._meta.columns if not isinstance(column, Serial)]


async def test_every_constraint_has_a_name_of_ours() -> None:
    """`table_what`: a violated constraint must tell a person something."""
    rows = await db.fetch(
        "SELECT conrelid::regclass::text AS owner, conname FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> 0"
    )
    strange = [
        f"{row['owner']}.{row['conname']}"
        for row in rows
        if not NOT_OURS.match(row["owner"])
        and (not row["conname"].startswith(row["owner"]) or row["conname"].endswith("_key"))
    ]
    assert not strange


def test_migrations_are_one_line() -> None:
    ids = [
        re.search(r'^ID = "(.+)"', path.read_text(), re.M).group(1)  # type: ignore[union-attr]
        for path in sorted(MIGRATIONS.glob("m*.py"))
    ]
    assert ids == sorted(set(ids)), "file names and ids must run in one order"


async def test_migrating_twice_changes_nothing(settings) -> None:  # type: ignore[no-untyped-def]
    from portal import migrations

    before = await db.fetch_value("SELECT count(*) FROM migration")
    await db.disconnect()
    await migrations.migrate(settings)
    await db.connect(settings)
    assert await db.fetch_value("SELECT count(*) FROM migration") == before


# Tables that anybody may read and write as far as the second wall is concerned, each with its reason; all others are
# protected: `SELECT protect('table')` in their migration, with policies of their own, or nobody sees a row.
UNPROTECTED = {
    "audit_head": "hashes without content; the application may only read them (migration m0050)",
    "background_task": "when loops and jobs ran, of no person",
    "doctor_next_free": "drawn from public slots by triggers",
    "doctor_place": "drawn from public doctors and clinics by triggers",
    "doctor_search": "drawn from public doctors by triggers",
    "idempotency_key": "answers are sealed with the portal's key; the rest are digests",
    "migration": "names of migrations; the application may only read them",
    "running_process": "which processes run, of no person",
    "slot_day": "when a public day changed its shape",
    "slot_horizon": "how far public slots are made",
    "specialty": "a public list; doctors lock the one that they choose",
}
UNDECIDED = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced,
    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


async def test_every_table_is_protected_or_says_why_not() -> None:
    rows = {row["relname"]: row for row in await db.fetch(UNDECIDED) if not row["relname"].startswith("pgqueuer")}
    open_tables = {name for name, row in rows.items() if not row["forced"]}
    assert open_tables == UNPROTECTED.keys(), "tables without a decision, or reasons without a table"
    assert all(row["policies"] for name, row in rows.items() if name not in open_tables)


async def test_a_table_without_a_decision_is_noticed() -> None:
    await as_owner("CREATE TABLE undecided (id int)")
    try:
        with pytest.raises(AssertionError):
            await test_every_table_is_protected_or_says_why_not()
    finally:
        await as_owner("DROP TABLE undecided")
