"""Calls for help: who asked, which doctors were alerted, and what became of it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:03:00"
VERSION = "1.38.0"
DESCRIPTION = "emergencies"

SQL = """
CREATE TABLE emergency (
    id uuid CONSTRAINT emergency_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT emergency_patient_fkey REFERENCES patient,
    description text NOT NULL DEFAULT '',
    specialty_id uuid CONSTRAINT emergency_specialty_fkey REFERENCES specialty ON DELETE SET NULL,
    latitude double precision CONSTRAINT emergency_latitude_range CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CONSTRAINT emergency_longitude_range CHECK (longitude BETWEEN -180 AND 180),
    status text NOT NULL DEFAULT 'OPEN' CONSTRAINT emergency_status_known
        CHECK (status IN ('OPEN', 'ACCEPTED', 'RESOLVED', 'CANCELLED', 'EXPIRED')),
    alerted integer NOT NULL DEFAULT 0,
    doctor_id uuid CONSTRAINT emergency_doctor_fkey REFERENCES doctor,
    appointment_id uuid CONSTRAINT emergency_appointment_fkey REFERENCES appointment ON DELETE SET NULL
        DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    escalated_at timestamptz,
    accepted_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT emergency_coordinates_together CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CONSTRAINT emergency_accepted_by_somebody CHECK ((status IN ('ACCEPTED', 'RESOLVED')) = (doctor_id IS NOT NULL))
);
-- Nobody calls for help twice at the same time.
CREATE UNIQUE INDEX emergency_one_open ON emergency (patient_id) WHERE status = 'OPEN';
CREATE INDEX emergency_of_patient ON emergency (patient_id, created_at DESC);
CREATE INDEX emergency_of_doctor ON emergency (doctor_id, created_at DESC) WHERE doctor_id IS NOT NULL;
CREATE INDEX emergency_under_way ON emergency (created_at) WHERE status IN ('OPEN', 'ACCEPTED');

-- Which doctors were alerted, in which order, and how far away they work.
CREATE TABLE emergency_alert (
    emergency_id uuid NOT NULL CONSTRAINT emergency_alert_emergency_fkey REFERENCES emergency ON DELETE CASCADE,
    doctor_id uuid NOT NULL CONSTRAINT emergency_alert_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    position integer NOT NULL,
    distance_km double precision,
    alerted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT emergency_alert_pkey PRIMARY KEY (emergency_id, doctor_id)
);
CREATE INDEX emergency_alert_of_doctor ON emergency_alert (doctor_id, emergency_id);

CREATE TABLE emergency_history (
    id uuid CONSTRAINT emergency_history_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    emergency_id uuid NOT NULL CONSTRAINT emergency_history_emergency_fkey REFERENCES emergency ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id uuid CONSTRAINT emergency_history_actor_fkey REFERENCES account,
    from_status text,
    to_status text NOT NULL
);
CREATE INDEX emergency_history_of ON emergency_history (emergency_id, at);

SELECT protect('emergency'), protect('emergency_alert'), protect('emergency_history');

-- Doctors who were alerted read what it is about while nobody has accepted; afterwards the one who did.
CREATE POLICY read ON emergency_alert FOR SELECT USING (doctor_id = app_actor());
CREATE POLICY own ON emergency USING (patient_id = app_actor());
CREATE POLICY help ON emergency FOR SELECT USING (
    doctor_id = app_actor()
    OR status = 'OPEN' AND EXISTS (SELECT FROM emergency_alert l WHERE l.emergency_id = emergency.id AND l.doctor_id = app_actor()));
CREATE POLICY take ON emergency FOR UPDATE USING (
    doctor_id = app_actor()
    OR status = 'OPEN' AND EXISTS (SELECT FROM emergency_alert l WHERE l.emergency_id = emergency.id AND l.doctor_id = app_actor()))
    WITH CHECK (doctor_id = app_actor());
CREATE POLICY read ON emergency_history FOR SELECT USING (
    EXISTS (SELECT FROM emergency e WHERE e.id = emergency_history.emergency_id));
CREATE POLICY tell ON emergency_history FOR INSERT WITH CHECK (actor_id = app_actor());
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
