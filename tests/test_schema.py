"""The tables that the code names are the tables that the migrations make."""

import re
from pathlib import Path

import pytest
from piccolo.columns import Column, Serial
from piccolo.table import Table

import piccolo_conf  # noqa: F401  # the engine and the app registry
from portal import db
from portal.piccolo_app import APP_CONFIG

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
NOT_OURS = re.compile(r"^pgqueuer|^migration$")


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
