"""Where doctors are found: one narrow row for each doctor and clinic, so that a search near a place reads only these."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:54:00"
VERSION = "1.38.0"
DESCRIPTION = "search places"

SQL = """
-- Names as lists are put in order by them; short enough for the rows of an index, whatever the script.
ALTER TABLE doctor_search ADD COLUMN name_order text NOT NULL GENERATED ALWAYS AS (left(name_key, 100)) STORED;

-- What the search knows of a doctor, once for each clinic; gone with the doctor's row of the search.
CREATE TABLE doctor_place (
    doctor_id uuid NOT NULL CONSTRAINT doctor_place_doctor_fkey REFERENCES doctor_search ON DELETE CASCADE,
    clinic_id uuid NOT NULL CONSTRAINT doctor_place_clinic_fkey REFERENCES clinic ON DELETE CASCADE,
    specialty_id uuid,
    name_key text NOT NULL,
    CONSTRAINT doctor_place_pkey PRIMARY KEY (doctor_id, clinic_id)
);
CREATE INDEX doctor_place_found ON doctor_place (clinic_id, specialty_id) INCLUDE (doctor_id, name_key);

CREATE FUNCTION refresh_doctor_place(wanted uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM doctor_place p WHERE p.doctor_id = ANY (wanted) AND NOT EXISTS (
        SELECT FROM clinic_doctor cd WHERE cd.doctor_id = p.doctor_id AND cd.clinic_id = p.clinic_id);
    INSERT INTO doctor_place AS p (doctor_id, clinic_id, specialty_id, name_key)
    SELECT f.doctor_id, cd.clinic_id, f.specialty_id, f.name_order
    FROM doctor_search f JOIN clinic_doctor cd ON cd.doctor_id = f.doctor_id
    WHERE f.doctor_id = ANY (wanted) ORDER BY f.doctor_id, cd.clinic_id
    ON CONFLICT (doctor_id, clinic_id) DO UPDATE SET specialty_id = excluded.specialty_id, name_key = excluded.name_key
    WHERE (p.specialty_id, p.name_key) IS DISTINCT FROM (excluded.specialty_id, excluded.name_key);
END $$;

-- Whatever brings a doctor's row of the search up to date, a clinic more or less among it, brings the places too.
CREATE FUNCTION places_follow_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM refresh_doctor_place(ARRAY(SELECT doctor_id FROM changed)); RETURN NULL; END $$;
CREATE TRIGGER doctor_search_added AFTER INSERT ON doctor_search REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION places_follow_search();
CREATE TRIGGER doctor_search_changed AFTER UPDATE ON doctor_search REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION places_follow_search();

SELECT refresh_doctor_place(ARRAY(SELECT doctor_id FROM doctor_search));

-- Within a specialty, fee, language and kind of visit are looked at in the index alone.
DROP INDEX doctor_search_of_specialty;
CREATE INDEX doctor_search_of_specialty ON doctor_search (specialty_id, consultation_fee, doctor_id)
    INCLUDE (languages, services, name_order);
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
