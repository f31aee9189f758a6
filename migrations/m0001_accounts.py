"""Accounts, logins, tokens and idempotency keys."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:01:00"
VERSION = "1.38.0"
DESCRIPTION = "accounts"

SQL = """
CREATE TABLE account (
    id uuid CONSTRAINT account_pkey PRIMARY KEY,
    email text NOT NULL CONSTRAINT account_email_unique UNIQUE,
    password_hash text,
    role text NOT NULL CONSTRAINT account_role_known
        CHECK (role IN ('PATIENT', 'DOCTOR', 'CLINIC_ADMIN', 'PHARMACY', 'SYSTEM_ADMIN')),
    status text NOT NULL CONSTRAINT account_status_known CHECK (status IN ('PENDING_VERIFICATION', 'ACTIVE', 'SUSPENDED')),
    first_name text NOT NULL,
    last_name text NOT NULL,
    phone_number text,
    time_zone text NOT NULL DEFAULT 'UTC',
    locale text NOT NULL DEFAULT 'en' CONSTRAINT account_locale_known CHECK (locale IN ('en', 'es', 'hi', 'ar')),
    appearance text NOT NULL DEFAULT 'auto' CONSTRAINT account_appearance_known CHECK (appearance IN ('auto', 'light', 'dark')),
    status_reason text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT account_email_canonical CHECK (email = lower(email) AND email <> ''),
    CONSTRAINT account_name_present CHECK (first_name <> '' AND last_name <> '')
);
CREATE INDEX account_waiting ON account (created_at) WHERE status = 'PENDING_VERIFICATION';

-- One row per signed-in browser (PAGE) or API client of a person (API). Only the hash of its secret is kept.
CREATE TABLE login (
    id uuid CONSTRAINT login_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT login_account_fkey REFERENCES account ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT login_kind_known CHECK (kind IN ('PAGE', 'API')),
    secret_hash bytea CONSTRAINT login_secret_unique UNIQUE,
    user_agent text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    CONSTRAINT login_page_has_secret CHECK (kind = 'API' OR secret_hash IS NOT NULL)
);
CREATE INDEX login_of_account ON login (account_id) WHERE revoked_at IS NULL;

CREATE TABLE refresh_token (
    token_hash bytea CONSTRAINT refresh_token_pkey PRIMARY KEY,
    login_id uuid NOT NULL CONSTRAINT refresh_token_login_fkey REFERENCES login ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_of_login ON refresh_token (login_id);

CREATE TABLE password_reset (
    token_hash bytea CONSTRAINT password_reset_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT password_reset_account_fkey REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX password_reset_of_account ON password_reset (account_id);

-- `scope` is the account, or a digest of the path for callers who are not signed in. `claim` is the request that works
-- on it; `done_at` is set by the very transaction whose effect the key stands for; `answer` is sealed.
CREATE TABLE idempotency_key (
    scope uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    claim uuid NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    answer bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (scope, key),
    CONSTRAINT idempotency_key_length CHECK (length(key) BETWEEN 1 AND 255)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
