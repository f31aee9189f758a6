"""Weekly sessions, their exceptions, and the slots made from them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:05:00"
VERSION = "1.38.0"
DESCRIPTION = "schedules"

SQL = """
CREATE TYPE uuidrange AS RANGE (subtype = uuid);

CREATE TABLE weekly_session (
    id uuid CONSTRAINT weekly_session_pkey PRIMARY KEY,
    doctor_id uuid NOT NULL CONSTRAINT weekly_session_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    clinic_id uuid CONSTRAINT weekly_session_clinic_fkey REFERENCES clinic,
    day_of_week smallint NOT NULL CONSTRAINT weekly_session_day_iso CHECK (day_of_week BETWEEN 1 AND 7),
    session_start_time time NOT NULL,
    session_end_time time NOT NULL,
    service_type text NOT NULL CONSTRAINT weekly_session_service_known
        CHECK (service_type IN ('VIRTUAL', 'IN_PERSON', 'BOTH')),
    max_queue_size smallint NOT NULL CONSTRAINT weekly_session_queue_range CHECK (max_queue_size BETWEEN 1 AND 200),
    estimated_consultation_minutes smallint NOT NULL
        CONSTRAINT weekly_session_minutes_range CHECK (estimated_consultation_minutes BETWEEN 5 AND 240),
    effective_from date NOT NULL,
    effective_to date,
    deleted_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT weekly_session_times_order CHECK (session_end_time > session_start_time),
    CONSTRAINT weekly_session_dates_order CHECK (effective_to >= effective_from),
    CONSTRAINT weekly_session_virtual_without_clinic CHECK (clinic_id IS NOT NULL OR service_type = 'VIRTUAL')
);
CREATE INDEX weekly_session_of_doctor ON weekly_session (doctor_id, day_of_week) WHERE deleted_at IS NULL;
CREATE INDEX weekly_session_of_clinic ON weekly_session (clinic_id) WHERE deleted_at IS NULL;

CREATE TABLE session_override (
    id uuid CONSTRAINT session_override_pkey PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT session_override_session_fkey REFERENCES weekly_session ON DELETE CASCADE,
    date date NOT NULL,
    kind text NOT NULL CONSTRAINT session_override_kind_known CHECK (kind IN ('CANCELLED', 'CHANGED')),
    session_start_time time,
    session_end_time time,
    max_queue_size smallint CONSTRAINT session_override_queue_range CHECK (max_queue_size BETWEEN 1 AND 200),
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT session_override_one_a_day UNIQUE (session_id, date),
    CONSTRAINT session_override_times_order CHECK (session_end_time > session_start_time)
);

-- How far the slots of a doctor's sessions have been made; days beyond are made when first looked at.
CREATE TABLE slot_horizon (
    doctor_id uuid CONSTRAINT slot_horizon_pkey PRIMARY KEY
        CONSTRAINT slot_horizon_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    made_until date NOT NULL
);

CREATE TABLE slot (
    id uuid CONSTRAINT slot_pkey PRIMARY KEY,
    doctor_id uuid NOT NULL CONSTRAINT slot_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    session_id uuid CONSTRAINT slot_session_fkey REFERENCES weekly_session,
    clinic_id uuid CONSTRAINT slot_clinic_fkey REFERENCES clinic,
    date date NOT NULL,
    position smallint CONSTRAINT slot_position_positive CHECK (position >= 1),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    during tstzrange NOT NULL GENERATED ALWAYS AS (tstzrange(starts_at, ends_at, '[)')) STORED,
    local_start time NOT NULL,
    time_zone text NOT NULL,
    service_type text NOT NULL CONSTRAINT slot_service_known CHECK (service_type IN ('VIRTUAL', 'IN_PERSON', 'BOTH')),
    overflow boolean NOT NULL DEFAULT false,
    disabled boolean NOT NULL DEFAULT false,
    held_by uuid CONSTRAINT slot_holder_fkey REFERENCES account ON DELETE SET NULL,
    held_until timestamptz,
    appointment_id uuid,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT slot_times_order CHECK (ends_at > starts_at),
    CONSTRAINT slot_hold_has_end CHECK (held_by IS NULL OR held_until IS NOT NULL),
    CONSTRAINT slot_session_has_position CHECK ((session_id IS NULL) = (position IS NULL)),
    CONSTRAINT slot_position_unique UNIQUE (session_id, date, position),
    CONSTRAINT slot_doctor_no_overlap EXCLUDE USING gist (uuidrange(doctor_id, doctor_id, '[]') WITH &&, during WITH &&)
        WHERE (NOT overflow)
);
CREATE INDEX slot_of_day ON slot (doctor_id, date, starts_at);
CREATE INDEX slot_free ON slot (starts_at, doctor_id) WHERE appointment_id IS NULL AND NOT disabled AND NOT overflow;
CREATE INDEX slot_free_of_doctor ON slot (doctor_id, starts_at) WHERE appointment_id IS NULL AND NOT disabled AND NOT overflow;
CREATE INDEX slot_held_by ON slot (held_by, held_until) WHERE held_by IS NOT NULL;
CREATE INDEX slot_of_clinic ON slot (clinic_id, date) WHERE appointment_id IS NOT NULL;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
