"""Events and mails that leave the portal, written with the change that they tell of."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:04:00"
VERSION = "1.38.0"
DESCRIPTION = "outbox"

SQL = """
CREATE TABLE outbox_event (
    id uuid CONSTRAINT outbox_event_pkey PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_event_position_unique UNIQUE,
    event_type text NOT NULL,
    aggregate_id uuid NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts smallint NOT NULL DEFAULT 0,
    last_error text,
    delivered_at timestamptz,
    dead_at timestamptz,
    CONSTRAINT outbox_event_one_end CHECK (delivered_at IS NULL OR dead_at IS NULL)
);
CREATE INDEX outbox_event_waiting ON outbox_event (position) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_event_order ON outbox_event (aggregate_id, position) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_event_dead ON outbox_event (dead_at) WHERE dead_at IS NOT NULL;

CREATE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_event_added AFTER INSERT ON outbox_event FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake();

CREATE TABLE notification (
    id uuid CONSTRAINT notification_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT notification_account_fkey REFERENCES account ON DELETE CASCADE,
    kind text NOT NULL,
    link text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at timestamptz
);
CREATE INDEX notification_of_account ON notification (account_id, created_at DESC);

CREATE TABLE mail (
    id uuid CONSTRAINT mail_pkey PRIMARY KEY,
    account_id uuid CONSTRAINT mail_account_fkey REFERENCES account ON DELETE CASCADE,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    failed_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0
);
CREATE INDEX mail_waiting ON mail (created_at) WHERE sent_at IS NULL AND failed_at IS NULL;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
