"""The front desk: finding one's own patients by what they say, and secret links to screens that show queues as numbers."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:05:00"
VERSION = "1.38.0"
DESCRIPTION = "front desk"

SQL = """
CREATE TABLE wall_link (
    id uuid CONSTRAINT wall_link_pkey PRIMARY KEY,
    clinic_id uuid NOT NULL CONSTRAINT wall_link_clinic REFERENCES clinic,
    name text NOT NULL CONSTRAINT wall_link_name_length CHECK (length(name) BETWEEN 1 AND 100),
    token_hash bytea NOT NULL CONSTRAINT wall_link_token_once UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX wall_link_open ON wall_link (clinic_id, created_at) WHERE revoked_at IS NULL;

SELECT protect('wall_link');
CREATE POLICY run ON wall_link USING (
    clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
"""

# Names and numbers are compared by functions that row-level security would keep away from their indexes: a door, which
# shows to doctors and clinics their own patients and nobody else's. The words are joined by "and"; digits end a number.
SEARCH = """
CREATE INDEX account_patient_words ON account
    USING gin (array_to_tsvector(search_words(first_name || ' ' || last_name))) WITH (fastupdate = off) WHERE role = 'PATIENT';
CREATE INDEX account_patient_number ON account (reverse(phone_number) text_pattern_ops) WHERE role = 'PATIENT';
CREATE INDEX patient_born ON patient (date_of_birth);

CREATE FUNCTION own_patients(words tsquery, digits text, born date, most int)
RETURNS TABLE (id uuid, first_name text, last_name text, date_of_birth date, phone_number text) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT a.id, a.first_name, a.last_name, p.date_of_birth, a.phone_number
    FROM account a JOIN patient p ON p.account_id = a.id
    WHERE a.role = 'PATIENT' AND a.status = 'ACTIVE'
        AND (words IS NULL OR array_to_tsvector(search_words(a.first_name || ' ' || a.last_name)) @@ words)
        AND (digits IS NULL OR reverse(a.phone_number) LIKE reverse(digits) || '%')
        AND (born IS NULL OR p.date_of_birth = born)
        AND EXISTS (SELECT FROM appointment v WHERE v.patient_id = a.id AND (
            before = 'DOCTOR' AND v.doctor_id = app_actor() OR before = 'CLINIC_ADMIN' AND v.clinic_id IN (
                SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor())))
    ORDER BY lower(a.last_name), lower(a.first_name), a.id LIMIT most;
    now_as := set_config('app.role', before, true);
END $$;
REVOKE EXECUTE ON FUNCTION own_patients FROM PUBLIC;
"""


async def create() -> None:
    await run_script(SQL + SEARCH)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
