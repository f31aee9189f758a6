"""The system admin finds anybody among a million accounts by any part of a name or address, in one quick look at each."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:55:00"
VERSION = "1.38.0"
DESCRIPTION = "users found"

SQL = """
ALTER TABLE account ADD COLUMN name_key text NOT NULL GENERATED ALWAYS AS (lower(first_name || ' ' || last_name)) STORED;
-- With what the policies below look at, so that pages and totals without a text read nothing else.
CREATE INDEX account_newest ON account (created_at DESC, id DESC) INCLUDE (role, status);

-- As before (migration m0050), but who acts is asked once a statement instead of once a row.
ALTER POLICY portal ON account USING ((SELECT app_role() = 'PORTAL'));
ALTER POLICY read ON account USING (
    (SELECT app_role() = 'SYSTEM_ADMIN') OR id = (SELECT app_actor())
    OR role = 'DOCTOR' AND (status = 'ACTIVE' OR (SELECT app_actor()) IS NOT NULL)
    OR (SELECT app_role() IN ('DOCTOR', 'CLINIC_ADMIN'))
        AND EXISTS (SELECT FROM appointment p WHERE p.patient_id = account.id));
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
