"""What other systems are told of an appointment, in one place, so that every statement can write its event itself."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:30:00"
VERSION = "1.38.0"
DESCRIPTION = "appointment events"

SQL = """
CREATE FUNCTION utc_text(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- Ids, times, status and fee: never a reason, a note or a name.
CREATE FUNCTION appointment_event(a appointment) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'appointment_id', a.id, 'patient_id', a.patient_id, 'doctor_id', a.doctor_id, 'clinic_id', a.clinic_id,
        'appointment_date', a.date, 'start_time', utc_text(a.starts_at), 'appointment_type', a.appointment_type,
        'status', a.status, 'consultation_fee', a.consultation_fee, 'currency', a.currency)
$$;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
