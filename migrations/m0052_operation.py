"""What runs beside the requests, and which processes there are: for the health page and for alarms."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:52:00"
VERSION = "1.38.0"
DESCRIPTION = "operation"

SQL = """
-- One row for each loop, schedule and job, of all processes together; brought up to date every few seconds.
CREATE TABLE background_task (
    name text CONSTRAINT background_task_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT background_task_kind_known CHECK (kind IN ('LOOP', 'SCHEDULE', 'JOB')),
    last_started_at timestamptz,
    last_finished_at timestamptz,
    last_failed_at timestamptz,
    last_error text,
    due_at timestamptz,
    failures_in_row integer NOT NULL DEFAULT 0,
    runs bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0
);

-- One row for each process since it started; a process that ends by itself says so, one that dies does not.
CREATE TABLE running_process (
    id uuid CONSTRAINT running_process_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT running_process_kind_known CHECK (kind IN ('WEB', 'WORKER')),
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    memory_bytes bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE INDEX running_process_seen ON running_process (seen_at);
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
