"""The second wall: a role for the application, and row-level security that holds whatever a statement forgets to ask.

Who acts is told to each transaction as `app.actor` and `app.role` (see `portal/acting.py`). A table is public, written
with its reason in tests/test_schema.py, or it is protected: `SELECT protect('table')` and policies of its own.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:50:00"
VERSION = "1.38.0"
DESCRIPTION = "second wall"

# Roles belong to the whole cluster, so another database of it may have made this one, perhaps at this very moment; and a
# back-up knows neither roles nor grants. So this is a function: a restore calls it again. What later migrations make is
# granted as they make it; what the application shall not do with it belongs here. The audit is append-only, and its
# heads move by its trigger alone.
GRANTS = """
CREATE FUNCTION admit_application() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        IF to_regrole('care_portal_app') IS NULL THEN
            CREATE ROLE care_portal_app NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE 'an administrator of the database must make the role care_portal_app, and grant it to %', current_user;
    END;
    BEGIN
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT care_portal_app TO %I', current_user);
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN NULL;  -- somebody else grants it, or has; `portal serve` tells if not
    END;
    GRANT USAGE ON SCHEMA public TO care_portal_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO care_portal_app;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO care_portal_app;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO care_portal_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO care_portal_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO care_portal_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO care_portal_app;
    REVOKE INSERT, UPDATE, DELETE ON migration FROM care_portal_app;
    REVOKE UPDATE, DELETE ON audit_event FROM care_portal_app;
    REVOKE INSERT, UPDATE, DELETE ON audit_head FROM care_portal_app;
    REVOKE EXECUTE ON FUNCTION admit_application, protect FROM PUBLIC, care_portal_app;
    REVOKE EXECUTE ON FUNCTION actor_of_page, actor_of_token, bookable_patient, busy_times, name_of, is_video_session
        FROM PUBLIC;
END $$;
"""

CONTEXT = """
CREATE FUNCTION app_actor() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.actor', true), '')::uuid
$$;
CREATE FUNCTION app_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT current_setting('app.role', true)
$$;

-- From now on a table shows nothing and takes nothing, but to the portal itself; its policies say who else.
CREATE FUNCTION protect(wanted regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', wanted);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', wanted);
    EXECUTE format('CREATE POLICY portal ON %s USING (app_role() = ''PORTAL'')', wanted);
END $$;
"""

# Whoever sees an appointment with somebody knows that person: the rows of appointments are looked at through their own
# policies, so "there is one" means "there is one that this actor may see".
PEOPLE = """
SELECT protect('account'), protect('patient'), protect('clinic_admin'), protect('pharmacist');

CREATE POLICY read ON account FOR SELECT USING (
    id = app_actor() OR app_role() = 'SYSTEM_ADMIN'
    OR role = 'DOCTOR' AND (status = 'ACTIVE' OR app_actor() IS NOT NULL)
    OR app_role() IN ('DOCTOR', 'CLINIC_ADMIN') AND EXISTS (SELECT FROM appointment p WHERE p.patient_id = account.id));
CREATE POLICY change ON account FOR UPDATE USING (
    id = app_actor() OR app_role() = 'SYSTEM_ADMIN'
    OR app_role() IN ('DOCTOR', 'CLINIC_ADMIN') AND EXISTS (SELECT FROM appointment p WHERE p.patient_id = account.id));

-- That a doctor is there is public, how to reach them at home is not: profiles are read through this view.
CREATE VIEW known_account WITH (security_invoker = true) AS
SELECT id, role, status, first_name, last_name, email, phone_number, time_zone FROM account a
WHERE a.role <> 'DOCTOR' OR a.id = app_actor() OR app_role() IN ('PORTAL', 'SYSTEM_ADMIN')
    OR EXISTS (SELECT FROM clinic_doctor w JOIN clinic_admin c ON c.clinic_id = w.clinic_id
               WHERE w.doctor_id = a.id AND c.account_id = app_actor());

CREATE POLICY read ON patient FOR SELECT USING (
    account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN'
    OR app_role() IN ('DOCTOR', 'CLINIC_ADMIN')
        AND EXISTS (SELECT FROM appointment p WHERE p.patient_id = patient.account_id));
CREATE POLICY change ON patient FOR UPDATE USING (
    account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN'
    OR app_role() IN ('DOCTOR', 'CLINIC_ADMIN')
        AND EXISTS (SELECT FROM appointment p WHERE p.patient_id = patient.account_id));

CREATE POLICY read ON clinic_admin FOR SELECT USING (account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN');
CREATE POLICY read ON pharmacist FOR SELECT USING (account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN');
CREATE POLICY change ON pharmacist FOR UPDATE USING (account_id = app_actor());
"""

VISITS = """
SELECT protect('appointment'), protect('appointment_history'), protect('video_session'), protect('video_event');

CREATE POLICY own ON appointment USING (
    patient_id = app_actor() OR doctor_id = app_actor()
    OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY oversee ON appointment FOR SELECT USING (app_role() = 'SYSTEM_ADMIN');

CREATE POLICY read ON appointment_history FOR SELECT USING (
    EXISTS (SELECT FROM appointment a WHERE a.id = appointment_history.appointment_id));
CREATE POLICY tell ON appointment_history FOR INSERT WITH CHECK (actor_id = app_actor());

CREATE POLICY own ON video_session USING (
    patient_id = app_actor() OR doctor_id = app_actor()
    OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY oversee ON video_session FOR SELECT USING (app_role() = 'SYSTEM_ADMIN');

CREATE POLICY read ON video_event FOR SELECT USING (
    EXISTS (SELECT FROM video_session v WHERE v.id = video_event.video_session_id));
CREATE POLICY tell ON video_event FOR INSERT WITH CHECK (actor_id = app_actor());
"""

LOGINS = """
SELECT protect('login'), protect('refresh_token'), protect('password_reset');

CREATE POLICY own ON login USING (account_id = app_actor());
CREATE POLICY own ON refresh_token USING (
    EXISTS (SELECT FROM login l WHERE l.id = refresh_token.login_id AND l.account_id = app_actor()));
CREATE POLICY own ON password_reset USING (account_id = app_actor());
"""

# Anybody who does something may leave a message for somebody else; only its receiver reads it.
TRACES = """
SELECT protect('audit_event'), protect('notification'), protect('mail'), protect('outbox_event');

CREATE POLICY read ON audit_event FOR SELECT USING (patient_id = app_actor() OR app_role() = 'SYSTEM_ADMIN');
CREATE POLICY tell ON audit_event FOR INSERT WITH CHECK (actor_id IS NOT DISTINCT FROM app_actor());

CREATE POLICY read ON notification FOR SELECT USING (account_id = app_actor());
CREATE POLICY change ON notification FOR UPDATE USING (account_id = app_actor());
CREATE POLICY tell ON notification FOR INSERT WITH CHECK (app_actor() IS NOT NULL);

CREATE POLICY tell ON mail FOR INSERT WITH CHECK (app_actor() IS NOT NULL);

CREATE POLICY read ON outbox_event FOR SELECT USING (app_role() = 'SYSTEM_ADMIN');
CREATE POLICY tell ON outbox_event FOR INSERT WITH CHECK (app_actor() IS NOT NULL);
"""

# Times, doctors and clinics are for everybody to read; who may change them is not for everybody.
PLACES = """
SELECT protect('slot'), protect('weekly_session'), protect('session_override'), protect('doctor'), protect('clinic'),
    protect('clinic_opening_hours'), protect('department'), protect('clinic_doctor'), protect('pharmacy');

CREATE POLICY read ON slot FOR SELECT USING (true);
CREATE POLICY plan ON slot USING (
    doctor_id = app_actor() OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY take ON slot FOR UPDATE USING (app_role() = 'PATIENT')
    WITH CHECK (app_role() = 'PATIENT' AND (held_by IS NULL OR held_by = app_actor()));

CREATE POLICY read ON weekly_session FOR SELECT USING (true);
CREATE POLICY plan ON weekly_session USING (
    doctor_id = app_actor() OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY read ON session_override FOR SELECT USING (true);
CREATE POLICY plan ON session_override USING (
    EXISTS (SELECT FROM weekly_session w WHERE w.id = session_override.session_id AND (w.doctor_id = app_actor()
        OR w.clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()))));

CREATE POLICY read ON doctor FOR SELECT USING (true);
CREATE POLICY change ON doctor FOR UPDATE USING (
    account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN'
    OR EXISTS (SELECT FROM clinic_doctor w JOIN clinic_admin c ON c.clinic_id = w.clinic_id
               WHERE w.doctor_id = doctor.account_id AND c.account_id = app_actor()));

CREATE POLICY read ON clinic FOR SELECT USING (true);
CREATE POLICY found ON clinic FOR INSERT WITH CHECK (app_role() IN ('CLINIC_ADMIN', 'SYSTEM_ADMIN'));
CREATE POLICY run ON clinic FOR UPDATE USING (
    app_role() = 'SYSTEM_ADMIN' OR id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY read ON clinic_opening_hours FOR SELECT USING (true);
CREATE POLICY run ON clinic_opening_hours USING (
    app_role() = 'SYSTEM_ADMIN' OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY read ON department FOR SELECT USING (true);
CREATE POLICY run ON department USING (
    app_role() = 'SYSTEM_ADMIN' OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));
CREATE POLICY read ON clinic_doctor FOR SELECT USING (true);
CREATE POLICY run ON clinic_doctor USING (
    app_role() = 'SYSTEM_ADMIN' OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));

CREATE POLICY read ON pharmacy FOR SELECT USING (true);
CREATE POLICY found ON pharmacy FOR INSERT WITH CHECK (app_role() IN ('PHARMACY', 'SYSTEM_ADMIN'));
CREATE POLICY run ON pharmacy FOR UPDATE USING (
    app_role() = 'SYSTEM_ADMIN' OR id IN (SELECT p.pharmacy_id FROM pharmacist p WHERE p.account_id = app_actor()));
"""

ACTOR = """
    SELECT a.id, a.role, a.status, a.first_name, a.last_name, a.email, a.locale, a.time_zone, a.appearance, l.id,
        CASE a.role
            WHEN 'CLINIC_ADMIN' THEN (SELECT array_agg(c.clinic_id) FROM clinic_admin c WHERE c.account_id = a.id)
            WHEN 'DOCTOR' THEN (SELECT array_agg(c.clinic_id) FROM clinic_doctor c WHERE c.doctor_id = a.id)
        END,
        (SELECT p.pharmacy_id FROM pharmacist p WHERE p.account_id = a.id),
        (SELECT count(*) FROM notification n WHERE n.account_id = a.id AND n.read_at IS NULL), l.last_seen_at
    INTO who FROM login l JOIN account a ON a.id = l.account_id
"""

# The questions that the database answers without showing the rows behind them. They run as the portal itself, each
# with a fixed search path, so that nobody can slip a table of their own under them. (The role is set by hand: `SET` in
# the head of a function is for superusers, and the owner may be none. An error undoes it with the transaction.)
DOORS = (
    """
-- Whoever holds a login's secret is the person; one statement a request. In `accounts.schemas.Actor`'s words.
CREATE TYPE login_actor AS (
    id uuid, role text, status text, first_name text, last_name text, email text, locale text, time_zone text,
    appearance text, login_id uuid, clinic_ids uuid[], pharmacy_id uuid, unread bigint, last_seen_at timestamptz);

CREATE FUNCTION actor_of_page(secret bytea) RETURNS login_actor LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); who login_actor;
BEGIN
"""
    + ACTOR
    + """
    WHERE l.secret_hash = secret AND l.kind = 'PAGE' AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp();
    IF who.last_seen_at < clock_timestamp() - interval '5 minutes' THEN
        UPDATE login l SET last_seen_at = clock_timestamp() WHERE l.id = who.login_id AND l.revoked_at IS NULL;
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN who;
END $$;

CREATE FUNCTION actor_of_token(wanted uuid) RETURNS login_actor LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); who login_actor;
BEGIN
"""
    + ACTOR
    + """
    WHERE l.id = wanted AND l.kind = 'API' AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp();
    now_as := set_config('app.role', before, true);
    RETURN who;
END $$;

-- Staff book for people who come for the first time, whom they cannot see before the booking is there.
CREATE FUNCTION bookable_patient(wanted uuid)
RETURNS TABLE (id uuid, first_name text, last_name text, email text, locale text) LANGUAGE plpgsql STABLE ROWS 1
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT a.id, a.first_name, a.last_name, a.email, a.locale
    FROM patient p JOIN account a ON a.id = p.account_id WHERE p.account_id = wanted AND a.status = 'ACTIVE';
    now_as := set_config('app.role', before, true);
END $$;

-- When a patient is with somebody, without saying with whom.
CREATE FUNCTION busy_times(patient uuid) RETURNS tstzmultirange LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); times tstzmultirange;
BEGIN
    SELECT coalesce(range_agg(a.during), '{}') INTO times FROM appointment a
    WHERE a.patient_id = patient AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS');
    now_as := set_config('app.role', before, true);
    RETURN times;
END $$;

-- Who opened somebody's record has a name, also where the patient knows nothing else of them.
CREATE FUNCTION name_of(wanted uuid) RETURNS text LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); name text;
BEGIN
    SELECT a.first_name || ' ' || a.last_name INTO name FROM account a WHERE a.id = wanted;
    now_as := set_config('app.role', before, true);
    RETURN name;
END $$;

-- Under /api/video/ a stranger is told so, which is another answer than "there is none".
CREATE FUNCTION is_video_session(wanted uuid) RETURNS boolean LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); is_there boolean;
BEGIN
    is_there := EXISTS (SELECT FROM video_session v WHERE v.id = wanted);
    now_as := set_config('app.role', before, true);
    RETURN is_there;
END $$;
"""
)

# What follows from a change follows whoever made it.
TRIGGERS = """
ALTER FUNCTION audit_chain() SECURITY DEFINER SET search_path = public, pg_temp;

CREATE OR REPLACE FUNCTION appointment_frees_slot() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    UPDATE slot SET appointment_id = NULL, changed_at = clock_timestamp()
    WHERE id = OLD.slot_id AND appointment_id = OLD.id;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;

-- The doctor of a "first available now" visit is free for the next one.
CREATE FUNCTION appointment_frees_doctor() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    UPDATE doctor SET availability_status = 'AVAILABLE'
    WHERE account_id = NEW.doctor_id AND availability_status = 'BUSY';
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER appointment_of_now_ended AFTER UPDATE OF status ON appointment FOR EACH ROW
    WHEN (NEW.overflow AND NEW.session_id IS NULL AND NEW.status IN ('CANCELLED', 'NO_SHOW', 'COMPLETED')
          AND OLD.status NOT IN ('CANCELLED', 'NO_SHOW', 'COMPLETED'))
    EXECUTE FUNCTION appointment_frees_doctor();
"""


async def create() -> None:
    for script in (CONTEXT, PEOPLE, VISITS, LOGINS, TRACES, PLACES, DOORS, TRIGGERS, GRANTS):
        await run_script(script)
    await run_script("SELECT admit_application()")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
