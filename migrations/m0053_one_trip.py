"""Holding and booking a time, each as one call: who acts, the guards, and all rows that follow from it, or nothing.

A call that stands alone is a transaction of its own, which PostgreSQL begins and commits without being told to; inside
an open transaction it is a part of that one. Either way it first says on whose behalf it works (`acting`, `acting_role`;
see `portal/acting.py`), so that the policies of migration m0050 hold for all that it does: no function here is a door.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:53:00"
VERSION = "1.38.0"
DESCRIPTION = "one trip"

ACT = """
CREATE FUNCTION act_as(who uuid, as_role text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN set_config('app.actor', coalesce(who::text, ''), true) || set_config('app.role', as_role, true);
END $$;
"""

# As in migration m0050, but where people work is asked only of those who work somewhere, and what they have not read yet,
# which pages show, not at all.
LOGIN = """
CREATE OR REPLACE FUNCTION actor_of_token(wanted uuid) RETURNS login_actor LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); who login_actor;
BEGIN
    SELECT a.id, a.role, a.status, a.first_name, a.last_name, a.email, a.locale, a.time_zone, a.appearance, l.id,
        NULL, NULL, 0, l.last_seen_at
    INTO who FROM login l JOIN account a ON a.id = l.account_id
    WHERE l.id = wanted AND l.kind = 'API' AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp();
    IF who.role = 'CLINIC_ADMIN' THEN
        who.clinic_ids := ARRAY(SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = who.id);
    ELSIF who.role = 'DOCTOR' THEN
        who.clinic_ids := ARRAY(SELECT c.clinic_id FROM clinic_doctor c WHERE c.doctor_id = who.id);
    ELSIF who.role = 'PHARMACY' THEN
        who.pharmacy_id := (SELECT p.pharmacy_id FROM pharmacist p WHERE p.account_id = who.id);
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN who;
END $$;
"""

# Whoever finds the row locked is answered at once: somebody else is taking it this moment.
HOLD = """
CREATE FUNCTION hold_slot(acting uuid, acting_role text, wanted uuid, patient uuid, seconds float8, most int, request text,
    OUT doctor_id uuid, OUT date date, OUT held_until timestamptz, OUT again boolean, OUT released uuid[],
    OUT seconds_left float8, OUT refusal text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    acts text := act_as(acting, acting_role);
    s slot; is_ours boolean; moment timestamptz; elsewhere int; same_day uuid[];
BEGIN
    -- One patient's holds are counted one request at a time; patients never wait for each other.
    PERFORM pg_advisory_xact_lock(uuid_hash_extended(patient, 7040));
    moment := clock_timestamp();
    SELECT t.* INTO s FROM slot t WHERE t.id = wanted FOR NO KEY UPDATE SKIP LOCKED;
    is_ours := FOUND;
    IF NOT is_ours THEN
        SELECT t.* INTO s FROM slot t WHERE t.id = wanted;
    END IF;
    IF NOT EXISTS (SELECT FROM account a WHERE a.id = s.doctor_id AND a.status = 'ACTIVE') THEN
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE (o.doctor_id, o.date) <> (s.doctor_id, s.date)),
        array_agg(o.id) FILTER (WHERE (o.doctor_id, o.date) = (s.doctor_id, s.date))
    INTO elsewhere, same_day FROM slot o
    WHERE o.held_by = patient AND o.held_until > moment AND o.appointment_id IS NULL AND o.id <> wanted;

    doctor_id := s.doctor_id; date := s.date;
    again := is_ours AND s.held_by = patient AND s.held_until > moment IS TRUE;
    held_until := s.held_until;
    refusal := CASE
        WHEN s.appointment_id IS NOT NULL THEN 'slot_taken'
        WHEN s.starts_at <= moment THEN 'slot_past'
        WHEN NOT is_ours OR s.held_until > moment AND s.held_by <> patient THEN 'slot_held'
        WHEN s.disabled THEN 'slot_disabled'
        WHEN s.overflow THEN 'slot_after_hours'
        WHEN elsewhere >= most THEN 'too_many_holds' END;
    IF refusal IS NULL AND again IS NOT TRUE THEN
        held_until := moment + make_interval(secs => seconds);
        UPDATE slot t SET held_by = patient, held_until = hold_slot.held_until, changed_at = clock_timestamp() WHERE t.id = wanted;
        IF same_day IS NOT NULL THEN  -- one hold a doctor-day
            WITH freed AS (
                UPDATE slot t SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
                WHERE t.id = ANY(same_day) AND t.held_by = patient AND t.appointment_id IS NULL RETURNING t.id)
            SELECT array_agg(freed.id) INTO released FROM freed;
        END IF;
        INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
        VALUES (patient, 'PATIENT', 'slot.hold', 'slot', wanted::text, patient, request);
    END IF;
    seconds_left := extract(epoch FROM held_until - moment);
END $$;
"""

# Everything that follows from a slot that was taken just now; every way of booking ends here.
VISIT = """
CREATE FUNCTION write_visit(taken slot, visit_id uuid, patient uuid, patient_email text, actor uuid, actor_role text,
    kind text, complaint text, ids uuid[], request text, OUT visit appointment, OUT video_session_id uuid, OUT let_go uuid[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, queue_position, starts_at,
        ends_at, time_zone, overflow, appointment_type, status, chief_complaint, consultation_fee, currency, booked_by)
    SELECT visit_id, taken.id, patient, taken.doctor_id, taken.clinic_id, taken.session_id, taken.date, taken.position,
        taken.starts_at, taken.ends_at, taken.time_zone, taken.overflow, kind, 'BOOKED', complaint, d.consultation_fee,
        d.currency, actor
    FROM doctor d WHERE d.account_id = taken.doctor_id
    ON CONFLICT DO NOTHING RETURNING appointment.* INTO visit;
    IF NOT FOUND THEN  -- the patient is elsewhere at this time: nothing of this stands, nor that the slot was taken
        RAISE exclusion_violation USING CONSTRAINT = 'appointment_patient_no_overlap', DETAIL = taken.doctor_id;
    END IF;
    INSERT INTO appointment_history (appointment_id, actor_id, to_status) VALUES (visit_id, actor, 'BOOKED');
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    VALUES (actor, actor_role, 'appointment.booked', 'appointment', visit_id::text, patient, request);
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    VALUES (ids[1], 'appointment.booked', visit_id, appointment_event(visit));

    IF kind = 'VIRTUAL' THEN
        video_session_id := ids[2];
        INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, clinic_id,
            scheduled_start_time, scheduled_end_time, chief_complaint)
        VALUES (ids[2], visit_id, CASE WHEN taken.clinic_id IS NULL THEN 'DIRECT_DOCTOR' ELSE 'CLINIC_BASED' END,
            taken.doctor_id, patient, taken.clinic_id, taken.starts_at, taken.ends_at, complaint);
        INSERT INTO video_event (video_session_id, event_type, actor_id) VALUES (ids[2], 'SESSION_CREATED', actor);
        INSERT INTO outbox_event (id, event_type, aggregate_id, data)
        SELECT ids[3], 'video.consultation.created', v.id, jsonb_build_object('session_id', v.id,
            'appointment_id', v.appointment_id, 'doctor_id', v.doctor_id, 'patient_id', v.patient_id,
            'clinic_id', v.clinic_id, 'booking_type', v.booking_type, 'scheduled_start_time', utc_text(v.scheduled_start_time))
        FROM video_session v WHERE v.id = ids[2];
    END IF;

    INSERT INTO notification (id, account_id, kind, link)
    VALUES (ids[4], patient, 'appointment.booked', '/appointments/' || visit_id);
    INSERT INTO mail (id, account_id, recipient, about, about_id)
    VALUES (ids[4], patient, patient_email, 'appointment.booked', visit_id);

    -- One hold a doctor-day: whatever else of this day was kept for the patient is free again.
    IF EXISTS (SELECT FROM slot s WHERE s.held_by = patient AND s.held_until > clock_timestamp()) THEN
        WITH freed AS (
            UPDATE slot SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
            WHERE id IN (SELECT s.id FROM slot s WHERE s.doctor_id = taken.doctor_id AND s.date = taken.date
                         AND s.id <> taken.id AND s.held_by = patient AND s.held_until > clock_timestamp()
                         FOR NO KEY UPDATE SKIP LOCKED)
            RETURNING id)
        SELECT array_agg(freed.id) INTO let_go FROM freed;
    END IF;
END $$;
"""

BOOK = """
CREATE FUNCTION book_slot(acting uuid, acting_role text, visit_id uuid, patient uuid, actor uuid, actor_role text,
    kind text, complaint text, clinics uuid[], ids uuid[], request text, wanted uuid)
RETURNS TABLE (visit appointment, patient_first_name text, patient_last_name text, video_session_id uuid, let_go uuid[])
LANGUAGE plpgsql ROWS 1 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    acts text := act_as(acting, acting_role);
    taken slot; pa record; written record;
BEGIN
    SELECT p.* INTO pa FROM bookable_patient(patient) p;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- The slot is free or the patient's own. Whoever chose this very time and let their hold run out is told so instead
    -- of slipping in late. Staff book within their own clinic or for themselves as the doctor; patients anywhere.
    SELECT s.* INTO taken FROM slot s
    WHERE s.id = wanted AND NOT s.overflow AND s.appointment_id IS NULL AND NOT s.disabled
        AND s.starts_at > clock_timestamp() AND s.service_type IN ('BOTH', kind)
        AND (s.held_by IS NULL OR s.held_by = patient OR s.held_until <= clock_timestamp())
        AND (s.held_by IS DISTINCT FROM patient OR s.held_until > clock_timestamp() OR actor <> patient)
        AND CASE actor_role WHEN 'PATIENT' THEN true WHEN 'DOCTOR' THEN s.doctor_id = actor
                            WHEN 'CLINIC_ADMIN' THEN s.clinic_id = ANY(clinics) ELSE false END
        AND EXISTS (SELECT FROM account c WHERE c.id = s.doctor_id AND c.status = 'ACTIVE')
    FOR NO KEY UPDATE OF s SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    UPDATE slot s SET appointment_id = visit_id, held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
    WHERE s.id = wanted RETURNING s.* INTO taken;
    written := write_visit(taken, visit_id, patient, pa.email, actor, actor_role, kind, complaint, ids, request);
    visit := written.visit; video_session_id := written.video_session_id; let_go := written.let_go;
    patient_first_name := pa.first_name; patient_last_name := pa.last_name;
    RETURN NEXT;
END $$;
"""

# What is asked of each row should be quick to ask, and quick to get ready for: a statement makes ready what its policies
# may need even where nobody needs it. The actor's clinics are looked up once, and only when nothing else has let a row in.
POLICIES = """
CREATE FUNCTION app_clinics() RETURNS uuid[] LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN ARRAY(SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor());
END $$;

-- Whoever sees an appointment with somebody knows that person.
CREATE FUNCTION app_knows(patient uuid) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN app_role() IN ('DOCTOR', 'CLINIC_ADMIN') AND EXISTS (SELECT FROM appointment a WHERE a.patient_id = patient);
END $$;

ALTER POLICY own ON appointment USING (
    patient_id = app_actor() OR doctor_id = app_actor() OR clinic_id = ANY ((SELECT app_clinics())::uuid[]));
ALTER POLICY own ON video_session USING (
    patient_id = app_actor() OR doctor_id = app_actor() OR clinic_id = ANY ((SELECT app_clinics())::uuid[]));
ALTER POLICY plan ON slot USING (doctor_id = app_actor() OR clinic_id = ANY ((SELECT app_clinics())::uuid[]));
ALTER POLICY read ON account USING (
    id = app_actor() OR app_role() = 'SYSTEM_ADMIN'
    OR role = 'DOCTOR' AND (status = 'ACTIVE' OR app_actor() IS NOT NULL) OR app_knows(id));
ALTER POLICY change ON account USING (id = app_actor() OR app_role() = 'SYSTEM_ADMIN' OR app_knows(id));
ALTER POLICY read ON patient USING (account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN' OR app_knows(account_id));
ALTER POLICY change ON patient USING (account_id = app_actor() OR app_role() = 'SYSTEM_ADMIN' OR app_knows(account_id));
"""

# The relay is woken at the commit, and PostgreSQL commits those who wake somebody one after the other. So of those who
# change something in the same moment one does, and the relay looks again a moment later.
WAKE = """
CREATE OR REPLACE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_xact_lock(7041, 0) THEN
        PERFORM pg_notify('outbox', '');
    END IF;
    RETURN NULL;
END $$;
"""

# A mail may wait for its text: what it is about stands with the change, and the worker finds the words (see
# `portal/appointments/mails.py`).
MAIL = """
ALTER TABLE mail ALTER COLUMN subject DROP NOT NULL, ALTER COLUMN body DROP NOT NULL,
    ADD COLUMN about text, ADD COLUMN about_id uuid,
    ADD CONSTRAINT mail_has_words CHECK (subject IS NOT NULL AND body IS NOT NULL OR about_id IS NOT NULL);
CREATE INDEX mail_without_words ON mail (created_at) WHERE body IS NULL AND failed_at IS NULL;
"""


async def create() -> None:
    for script in (POLICIES, LOGIN, WAKE, MAIL, ACT, HOLD, VISIT, BOOK):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
