"""Clinics and pharmacies are found by the words of their name and town."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:11:00"
VERSION = "1.38.0"
DESCRIPTION = "clinics"

SQL = """
ALTER TABLE clinic ADD COLUMN lexemes tsvector GENERATED ALWAYS AS (
    array_to_tsvector(search_words(name || ' ' || city || ' ' || postal_code))) STORED;
CREATE INDEX clinic_words ON clinic USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX clinic_by_name ON clinic (lower(name), id) WHERE active;

ALTER TABLE pharmacy ADD COLUMN lexemes tsvector GENERATED ALWAYS AS (
    array_to_tsvector(search_words(name || ' ' || city || ' ' || postal_code))) STORED;
ALTER TABLE pharmacy ADD COLUMN mercator point GENERATED ALWAYS AS (
    CASE WHEN latitude IS NULL THEN NULL ELSE mercator(latitude, longitude) END) STORED;
CREATE INDEX pharmacy_words ON pharmacy USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX pharmacy_nearest ON pharmacy USING gist (mercator) WHERE active;

ALTER TABLE clinic ADD CONSTRAINT clinic_currency_code CHECK (currency ~ '^[A-Z]{3}$');
ALTER TABLE clinic_opening_hours ADD CONSTRAINT clinic_opening_hours_apart EXCLUDE USING gist (
    uuidrange(clinic_id, clinic_id, '[]') WITH &&,
    int4range((day_of_week * 1440 + extract(epoch FROM opens) / 60)::int,
              (day_of_week * 1440 + extract(epoch FROM closes) / 60)::int) WITH &&);
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
