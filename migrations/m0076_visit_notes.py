"""What a doctor writes down of a visit: private notes, a diagnosis, and the part that the patient reads."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:76:00"
VERSION = "1.38.0"
DESCRIPTION = "visit notes"

# One present text a visit, with the number of its version; every version stays beside it, whoever wrote it, and nobody
# changes one. Both are the doctor's alone: the patient's part is read through `visit_summary`, once the visit is over.
TABLES = """
CREATE TABLE visit_note (
    appointment_id uuid CONSTRAINT visit_note_pkey PRIMARY KEY
        CONSTRAINT visit_note_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    private_notes text NOT NULL DEFAULT '',
    patient_summary text NOT NULL DEFAULT '',
    diagnosis text NOT NULL DEFAULT '',
    share_diagnosis boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 1 CONSTRAINT visit_note_version_counts CHECK (version > 0),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by uuid CONSTRAINT visit_note_writer_fkey REFERENCES account
);
CREATE TABLE visit_note_version (
    appointment_id uuid NOT NULL CONSTRAINT visit_note_version_note_fkey REFERENCES visit_note ON DELETE CASCADE,
    version integer NOT NULL,
    private_notes text NOT NULL,
    patient_summary text NOT NULL,
    diagnosis text NOT NULL,
    share_diagnosis boolean NOT NULL,
    amended boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid CONSTRAINT visit_note_version_writer_fkey REFERENCES account,
    CONSTRAINT visit_note_version_pkey PRIMARY KEY (appointment_id, version)
);

SELECT protect('visit_note'), protect('visit_note_version');
CREATE POLICY own ON visit_note USING (
    EXISTS (SELECT FROM appointment a WHERE a.id = visit_note.appointment_id AND a.doctor_id = app_actor()));
CREATE POLICY read ON visit_note_version FOR SELECT USING (
    EXISTS (SELECT FROM appointment a WHERE a.id = visit_note_version.appointment_id AND a.doctor_id = app_actor()));
CREATE POLICY tell ON visit_note_version FOR INSERT WITH CHECK (changed_by = app_actor());

CREATE FUNCTION visit_note_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO visit_note_version
    VALUES (NEW.appointment_id, NEW.version, NEW.private_notes, NEW.patient_summary, NEW.diagnosis, NEW.share_diagnosis,
            EXISTS (SELECT FROM appointment a WHERE a.id = NEW.appointment_id AND a.status = 'COMPLETED'
                AND NEW.changed_at > coalesce(a.actual_end_time, '-infinity')),
            NEW.changed_at, NEW.changed_by);
    RETURN NULL;
END $$;
CREATE TRIGGER visit_note_written AFTER INSERT OR UPDATE ON visit_note FOR EACH ROW EXECUTE FUNCTION visit_note_is_kept();

CREATE FUNCTION visit_note_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'visit_note_version is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER visit_note_version_stays BEFORE UPDATE ON visit_note_version FOR EACH ROW EXECUTE FUNCTION visit_note_stays();
"""

# What is said in one word when a visit is completed is the part for the patient too; it never takes the place of what
# stands there already. The column in `appointment` is but the door to it: it is empty again at once.
COMPLETION = """
CREATE FUNCTION summed_up(written text, added text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(added, '') = '' OR position(added IN written) > 0 THEN written
        WHEN written = '' THEN added ELSE written || E'\\n\\n' || added END
$$;

CREATE FUNCTION appointment_notes_move() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    INSERT INTO visit_note (appointment_id, patient_summary, changed_by)
    VALUES (NEW.id, NEW.doctor_notes, app_actor())
    ON CONFLICT (appointment_id) DO UPDATE SET version = visit_note.version + 1, changed_at = clock_timestamp(),
        patient_summary = summed_up(visit_note.patient_summary, EXCLUDED.patient_summary), changed_by = EXCLUDED.changed_by;
    NEW.doctor_notes := '';
    now_as := set_config('app.role', before, true);
    RETURN NEW;
END $$;
CREATE TRIGGER appointment_notes_given BEFORE UPDATE OF doctor_notes ON appointment FOR EACH ROW
    WHEN (NEW.doctor_notes <> '') EXECUTE FUNCTION appointment_notes_move();
UPDATE appointment SET doctor_notes = doctor_notes WHERE doctor_notes <> '';
"""

# The patient reads what was marked for them, when the visit is over: never a sentence that is still being written.
DOORS = """
CREATE FUNCTION visit_summary(wanted uuid)
RETURNS TABLE (patient_summary text, diagnosis text, changed_at timestamptz) LANGUAGE plpgsql STABLE ROWS 1
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT n.patient_summary, CASE WHEN n.share_diagnosis THEN n.diagnosis ELSE '' END, n.changed_at
    FROM visit_note n JOIN appointment a ON a.id = n.appointment_id
    WHERE n.appointment_id = wanted
        AND (a.doctor_id = app_actor() OR a.patient_id = app_actor() AND a.status = 'COMPLETED');
    now_as := set_config('app.role', before, true);
END $$;
REVOKE EXECUTE ON FUNCTION visit_summary FROM PUBLIC;
"""


async def create() -> None:
    for script in (TABLES, COMPLETION, DOORS):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
