"""Appointments, their history, and the video session that a virtual one gets."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:06:00"
VERSION = "1.38.0"
DESCRIPTION = "appointments"

SQL = """
CREATE TABLE appointment (
    id uuid CONSTRAINT appointment_pkey PRIMARY KEY,
    slot_id uuid CONSTRAINT appointment_slot_fkey REFERENCES slot ON DELETE SET NULL,
    patient_id uuid NOT NULL CONSTRAINT appointment_patient_fkey REFERENCES patient,
    doctor_id uuid NOT NULL CONSTRAINT appointment_doctor_fkey REFERENCES doctor,
    clinic_id uuid CONSTRAINT appointment_clinic_fkey REFERENCES clinic,
    session_id uuid CONSTRAINT appointment_session_fkey REFERENCES weekly_session,
    date date NOT NULL,
    queue_position smallint,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    during tstzrange NOT NULL GENERATED ALWAYS AS (tstzrange(starts_at, ends_at, '[)')) STORED,
    time_zone text NOT NULL,
    overflow boolean NOT NULL DEFAULT false,
    appointment_type text NOT NULL CONSTRAINT appointment_type_known CHECK (appointment_type IN ('VIRTUAL', 'IN_PERSON')),
    status text NOT NULL CONSTRAINT appointment_status_known
        CHECK (status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW')),
    chief_complaint text NOT NULL DEFAULT '',
    doctor_notes text NOT NULL DEFAULT '',
    consultation_fee numeric(10, 2) NOT NULL DEFAULT 0,
    currency text NOT NULL DEFAULT 'USD',
    booked_by uuid NOT NULL CONSTRAINT appointment_booker_fkey REFERENCES account,
    referred_from uuid CONSTRAINT appointment_referred_fkey REFERENCES appointment,
    needs_attention text,
    confirmed_at timestamptz,
    checked_in_at timestamptz,
    actual_start_time timestamptz,
    actual_end_time timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT appointment_times_order CHECK (ends_at > starts_at),
    CONSTRAINT appointment_patient_no_overlap EXCLUDE USING gist
        (uuidrange(patient_id, patient_id, '[]') WITH &&, during WITH &&)
        WHERE (status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS'))
);
CREATE UNIQUE INDEX appointment_one_per_slot ON appointment (slot_id)
    WHERE status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS', 'COMPLETED');
CREATE INDEX appointment_of_patient ON appointment (patient_id, starts_at DESC);
CREATE INDEX appointment_of_doctor ON appointment (doctor_id, date, starts_at);
CREATE INDEX appointment_of_clinic ON appointment (clinic_id, date, starts_at);
CREATE INDEX appointment_of_session ON appointment (session_id, date, queue_position);
CREATE INDEX appointment_attention ON appointment (clinic_id, doctor_id) WHERE needs_attention IS NOT NULL;

ALTER TABLE slot ADD CONSTRAINT slot_appointment_fkey FOREIGN KEY (appointment_id) REFERENCES appointment DEFERRABLE INITIALLY DEFERRED;

-- A slot is free again the moment its appointment no longer occupies it, whichever way that came about.
CREATE FUNCTION appointment_frees_slot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE slot SET appointment_id = NULL, changed_at = clock_timestamp()
    WHERE id = OLD.slot_id AND appointment_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER appointment_ended AFTER UPDATE OF status ON appointment FOR EACH ROW
    WHEN (NEW.status IN ('CANCELLED', 'NO_SHOW') AND OLD.status NOT IN ('CANCELLED', 'NO_SHOW'))
    EXECUTE FUNCTION appointment_frees_slot();

CREATE TABLE appointment_history (
    id uuid CONSTRAINT appointment_history_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    appointment_id uuid NOT NULL CONSTRAINT appointment_history_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id uuid CONSTRAINT appointment_history_actor_fkey REFERENCES account,
    from_status text,
    to_status text NOT NULL,
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX appointment_history_of ON appointment_history (appointment_id, at);

CREATE TABLE video_session (
    id uuid CONSTRAINT video_session_pkey PRIMARY KEY,
    appointment_id uuid CONSTRAINT video_session_appointment_fkey REFERENCES appointment
        CONSTRAINT video_session_one_per_appointment UNIQUE,
    booking_type text NOT NULL CONSTRAINT video_session_booking_known CHECK (booking_type IN ('CLINIC_BASED', 'DIRECT_DOCTOR')),
    doctor_id uuid NOT NULL CONSTRAINT video_session_doctor_fkey REFERENCES doctor,
    patient_id uuid NOT NULL CONSTRAINT video_session_patient_fkey REFERENCES patient,
    clinic_id uuid CONSTRAINT video_session_clinic_fkey REFERENCES clinic,
    status text NOT NULL DEFAULT 'SCHEDULED' CONSTRAINT video_session_status_known
        CHECK (status IN ('SCHEDULED', 'WAITING', 'ACTIVE', 'COMPLETED', 'CANCELLED', 'NO_SHOW')),
    scheduled_start_time timestamptz NOT NULL,
    scheduled_end_time timestamptz NOT NULL,
    chief_complaint text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT video_session_times_order CHECK (scheduled_end_time > scheduled_start_time)
);
CREATE INDEX video_session_of_doctor ON video_session (doctor_id, scheduled_start_time);
CREATE INDEX video_session_of_patient ON video_session (patient_id, scheduled_start_time);

CREATE TABLE video_event (
    id uuid CONSTRAINT video_event_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    video_session_id uuid NOT NULL CONSTRAINT video_event_session_fkey REFERENCES video_session ON DELETE CASCADE,
    event_type text NOT NULL,
    actor_id uuid CONSTRAINT video_event_actor_fkey REFERENCES account,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX video_event_of ON video_event (video_session_id, at);
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
