"""Prescriptions: what a doctor has signed never changes; only how much of it has been given out, and its status, move."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:82:00"
VERSION = "1.38.0"
DESCRIPTION = "prescriptions"

TABLES = """
-- Public keys that prescriptions were signed with, also those that sign no more.
CREATE TABLE prescription_key (
    id text CONSTRAINT prescription_key_pkey PRIMARY KEY,
    public_key bytea NOT NULL CONSTRAINT prescription_key_length CHECK (length(public_key) = 32),
    first_used_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- `content` is what was signed, in one canonical form; the other columns say the same for statements to ask.
CREATE TABLE prescription (
    id uuid CONSTRAINT prescription_pkey PRIMARY KEY,
    code text NOT NULL CONSTRAINT prescription_code_form CHECK (code ~ '^[34679ACDEFGHJKMNPRTVWXY]{9}$'),
    doctor_id uuid NOT NULL CONSTRAINT prescription_doctor_fkey REFERENCES doctor,
    patient_id uuid NOT NULL CONSTRAINT prescription_patient_fkey REFERENCES patient,
    appointment_id uuid NOT NULL CONSTRAINT prescription_appointment_fkey REFERENCES appointment,
    clinic_id uuid CONSTRAINT prescription_clinic_fkey REFERENCES clinic,
    pharmacy_id uuid CONSTRAINT prescription_pharmacy_fkey REFERENCES pharmacy,
    sent_at timestamptz,
    status text NOT NULL DEFAULT 'ACTIVE' CONSTRAINT prescription_status_known
        CHECK (status IN ('ACTIVE', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'EXPIRED')),
    issued_at timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    time_zone text NOT NULL,
    language text NOT NULL,
    patient_name text NOT NULL CONSTRAINT prescription_patient_named CHECK (patient_name <> ''),
    date_of_birth date,
    doctor_name text NOT NULL CONSTRAINT prescription_doctor_named CHECK (doctor_name <> ''),
    clinic_name text NOT NULL DEFAULT '',
    notes text NOT NULL DEFAULT '',
    warnings jsonb NOT NULL DEFAULT '[]',
    replaces_id uuid CONSTRAINT prescription_replaces_fkey REFERENCES prescription
        CONSTRAINT prescription_replaced_once UNIQUE,
    content text NOT NULL,
    content_hash bytea NOT NULL,
    signature bytea NOT NULL CONSTRAINT prescription_signature_length CHECK (length(signature) = 64),
    key_id text NOT NULL CONSTRAINT prescription_key_fkey REFERENCES prescription_key,
    CONSTRAINT prescription_code_once UNIQUE (code),
    CONSTRAINT prescription_hash_of_content CHECK (content_hash = sha256(convert_to(content, 'UTF8'))),
    CONSTRAINT prescription_validity_order CHECK (valid_until > issued_at),
    CONSTRAINT prescription_sent_somewhere CHECK ((pharmacy_id IS NULL) = (sent_at IS NULL)),
    CONSTRAINT prescription_replaces_other CHECK (replaces_id <> id)
);
CREATE INDEX prescription_of_patient ON prescription (patient_id, issued_at DESC);
CREATE INDEX prescription_of_doctor ON prescription (doctor_id, issued_at DESC);
CREATE INDEX prescription_of_appointment ON prescription (appointment_id);
CREATE INDEX prescription_sent_to ON prescription (pharmacy_id, sent_at) WHERE status IN ('ACTIVE', 'PARTIALLY_FILLED');
CREATE INDEX prescription_to_expire ON prescription (valid_until) WHERE status IN ('ACTIVE', 'PARTIALLY_FILLED');

CREATE TABLE prescription_item (
    id uuid CONSTRAINT prescription_item_pkey PRIMARY KEY,
    prescription_id uuid NOT NULL CONSTRAINT prescription_item_prescription_fkey REFERENCES prescription,
    position smallint NOT NULL CONSTRAINT prescription_item_position_range CHECK (position BETWEEN 1 AND 20),
    catalog_item_id uuid CONSTRAINT prescription_item_catalog_fkey REFERENCES catalog_item,
    drug_name text NOT NULL CONSTRAINT prescription_item_drug_named CHECK (drug_name <> ''),
    active_ingredient text NOT NULL DEFAULT '',
    strength text NOT NULL CONSTRAINT prescription_item_strength_present CHECK (strength <> ''),
    form text NOT NULL CONSTRAINT prescription_item_form_present CHECK (form <> ''),
    dose numeric(8, 3) NOT NULL CONSTRAINT prescription_item_dose_positive CHECK (dose > 0),
    dose_unit text NOT NULL CONSTRAINT prescription_item_dose_unit_present CHECK (dose_unit <> ''),
    frequency text NOT NULL CONSTRAINT prescription_item_frequency_present CHECK (frequency <> ''),
    duration_days smallint NOT NULL CONSTRAINT prescription_item_duration_range CHECK (duration_days BETWEEN 1 AND 365),
    quantity numeric(12, 3) NOT NULL CONSTRAINT prescription_item_quantity_positive CHECK (quantity > 0),
    unit text NOT NULL CONSTRAINT prescription_item_unit_present CHECK (unit <> ''),
    instructions text NOT NULL DEFAULT '',
    refills_allowed smallint NOT NULL DEFAULT 0 CONSTRAINT prescription_item_refills_range
        CHECK (refills_allowed BETWEEN 0 AND 12),
    dispensed numeric(12, 3) NOT NULL DEFAULT 0,
    CONSTRAINT prescription_item_never_beyond CHECK (dispensed >= 0 AND dispensed <= quantity * (1 + refills_allowed)),
    CONSTRAINT prescription_item_place UNIQUE (prescription_id, position)
);

CREATE TABLE prescription_history (
    id uuid CONSTRAINT prescription_history_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    prescription_id uuid NOT NULL CONSTRAINT prescription_history_prescription_fkey REFERENCES prescription,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id uuid CONSTRAINT prescription_history_actor_fkey REFERENCES account,
    from_status text,
    to_status text NOT NULL,
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX prescription_history_of ON prescription_history (prescription_id, at);

-- Which pharmacies may see and fill it: where the patient sent it (until it is sent elsewhere), and where it was opened
-- with its code and the date of birth.
CREATE TABLE prescription_access (
    prescription_id uuid NOT NULL CONSTRAINT prescription_access_prescription_fkey REFERENCES prescription,
    pharmacy_id uuid NOT NULL CONSTRAINT prescription_access_pharmacy_fkey REFERENCES pharmacy,
    how text NOT NULL CONSTRAINT prescription_access_how_known CHECK (how IN ('SENT', 'OPENED')),
    patient_id uuid NOT NULL CONSTRAINT prescription_access_patient_fkey REFERENCES patient,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    CONSTRAINT prescription_access_pkey PRIMARY KEY (prescription_id, pharmacy_id, how)
);
CREATE INDEX prescription_access_of_pharmacy ON prescription_access (pharmacy_id, prescription_id) WHERE ended_at IS NULL;

CREATE TABLE refill_request (
    id uuid CONSTRAINT refill_request_pkey PRIMARY KEY,
    prescription_id uuid NOT NULL CONSTRAINT refill_request_prescription_fkey REFERENCES prescription,
    patient_id uuid NOT NULL CONSTRAINT refill_request_patient_fkey REFERENCES patient,
    doctor_id uuid NOT NULL CONSTRAINT refill_request_doctor_fkey REFERENCES doctor,
    status text NOT NULL DEFAULT 'OPEN' CONSTRAINT refill_request_status_known
        CHECK (status IN ('OPEN', 'APPROVED', 'DECLINED')),
    note text NOT NULL DEFAULT '',
    answer text NOT NULL DEFAULT '',
    new_prescription_id uuid CONSTRAINT refill_request_new_fkey REFERENCES prescription,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz,
    CONSTRAINT refill_request_answered CHECK ((status = 'OPEN') = (answered_at IS NULL)),
    CONSTRAINT refill_request_approved CHECK ((status = 'APPROVED') = (new_prescription_id IS NOT NULL))
);
CREATE UNIQUE INDEX refill_request_one_open ON refill_request (prescription_id) WHERE status = 'OPEN';
CREATE INDEX refill_request_of_doctor ON refill_request (doctor_id, requested_at) WHERE status = 'OPEN';
CREATE INDEX refill_request_of_prescription ON refill_request (prescription_id, requested_at DESC);

CREATE TABLE prescription_template (
    id uuid CONSTRAINT prescription_template_pkey PRIMARY KEY,
    doctor_id uuid NOT NULL CONSTRAINT prescription_template_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT prescription_template_name_present CHECK (name <> ''),
    items jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX prescription_template_name_once ON prescription_template (doctor_id, lower(name));
"""

# A statement that changes what was signed fails, whoever sends it. What moves, moves along the arrows, each by its role:
# giving out and its undoing at the counter, cancelling by the doctor, the end of validity by the portal.
STAYS = """
CREATE FUNCTION prescription_moves_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(OLD) - ARRAY['status', 'pharmacy_id', 'sent_at'] <> to_jsonb(NEW) - ARRAY['status', 'pharmacy_id', 'sent_at'] THEN
        RAISE EXCEPTION 'an issued prescription never changes' USING ERRCODE = 'insufficient_privilege';
    ELSIF OLD.status <> NEW.status AND NOT (CASE app_role()
        WHEN 'PATIENT' THEN false
        WHEN 'DOCTOR' THEN OLD.status IN ('ACTIVE', 'PARTIALLY_FILLED') AND NEW.status = 'CANCELLED'
        WHEN 'PHARMACY' THEN OLD.status IN ('ACTIVE', 'PARTIALLY_FILLED', 'FILLED')
            AND NEW.status IN ('ACTIVE', 'PARTIALLY_FILLED', 'FILLED')
        ELSE OLD.status NOT IN ('CANCELLED', 'EXPIRED') END) THEN
        RAISE EXCEPTION 'a prescription does not go from % to % like this', OLD.status, NEW.status
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_unchanged BEFORE UPDATE ON prescription FOR EACH ROW EXECUTE FUNCTION prescription_moves_only();

CREATE FUNCTION prescription_item_moves_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(OLD) - 'dispensed' <> to_jsonb(NEW) - 'dispensed' THEN
        RAISE EXCEPTION 'an issued prescription never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_item_unchanged BEFORE UPDATE ON prescription_item
    FOR EACH ROW EXECUTE FUNCTION prescription_item_moves_only();

CREATE FUNCTION prescription_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is kept as it is', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER prescription_kept BEFORE DELETE ON prescription FOR EACH ROW EXECUTE FUNCTION prescription_is_kept();
CREATE TRIGGER prescription_item_kept BEFORE DELETE ON prescription_item
    FOR EACH ROW EXECUTE FUNCTION prescription_is_kept();
CREATE TRIGGER prescription_history_kept BEFORE UPDATE OR DELETE ON prescription_history
    FOR EACH ROW EXECUTE FUNCTION prescription_is_kept();
CREATE TRIGGER prescription_key_kept BEFORE UPDATE OR DELETE ON prescription_key
    FOR EACH ROW EXECUTE FUNCTION prescription_is_kept();

-- The rows of the items are those that were signed, all of them and no others, with what was signed.
CREATE FUNCTION prescription_items_as_signed() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
    wanted uuid := CASE TG_TABLE_NAME WHEN 'prescription' THEN (to_jsonb(NEW) ->> 'id')::uuid
                   ELSE (to_jsonb(NEW) ->> 'prescription_id')::uuid END;
    are_signed boolean;
BEGIN
    SELECT jsonb_array_length(p.content::jsonb -> 'items') > 0
        AND p.content::jsonb @> jsonb_build_object('id', p.id, 'code', p.code, 'doctor_id', p.doctor_id,
            'doctor_name', p.doctor_name, 'patient_id', p.patient_id, 'patient_name', p.patient_name,
            'date_of_birth', p.date_of_birth, 'appointment_id', p.appointment_id, 'clinic_id', p.clinic_id,
            'notes', p.notes, 'replaces_id', p.replaces_id)
        AND (p.content::jsonb ->> 'issued_at')::timestamptz = p.issued_at
        AND (p.content::jsonb ->> 'valid_until')::timestamptz = p.valid_until
        AND (p.content::jsonb -> 'items') = (
        SELECT jsonb_agg(jsonb_build_object(
            'id', i.id, 'catalog_item_id', i.catalog_item_id, 'drug_name', i.drug_name,
            'active_ingredient', i.active_ingredient, 'strength', i.strength, 'form', i.form,
            'dose', trim_scale(i.dose)::text, 'dose_unit', i.dose_unit, 'frequency', i.frequency,
            'duration_days', i.duration_days, 'quantity', trim_scale(i.quantity)::text, 'unit', i.unit,
            'instructions', i.instructions, 'refills_allowed', i.refills_allowed) ORDER BY i.position)
        FROM prescription_item i WHERE i.prescription_id = p.id)
    INTO are_signed FROM prescription p WHERE p.id = wanted;
    now_as := set_config('app.role', before, true);
    IF are_signed IS NOT TRUE THEN
        RAISE EXCEPTION 'the items are not those that were signed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER prescription_signed_items AFTER INSERT ON prescription DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION prescription_items_as_signed();
CREATE CONSTRAINT TRIGGER prescription_item_signed AFTER INSERT ON prescription_item DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION prescription_items_as_signed();
"""

# A pharmacy's rows are found through what it may open, which asks nothing of the prescription again: no circle.
WALLS = """
SELECT protect('prescription'), protect('prescription_item'), protect('prescription_history'),
    protect('prescription_access'), protect('prescription_key'), protect('refill_request'), protect('prescription_template');
CREATE POLICY read ON prescription_key FOR SELECT USING (true);

CREATE FUNCTION own_pharmacy() RETURNS uuid LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT p.pharmacy_id FROM pharmacist p WHERE p.account_id = app_actor() AND app_role() = 'PHARMACY'
$$;

CREATE POLICY read ON prescription_access FOR SELECT USING (patient_id = app_actor() OR pharmacy_id = own_pharmacy());
CREATE POLICY send ON prescription_access FOR INSERT WITH CHECK (patient_id = app_actor() AND how = 'SENT');
CREATE POLICY move ON prescription_access FOR UPDATE USING (patient_id = app_actor() AND how = 'SENT');

CREATE POLICY read ON prescription FOR SELECT USING (
    patient_id = app_actor() OR doctor_id = app_actor()
    OR app_role() = 'PHARMACY' AND EXISTS (SELECT FROM prescription_access a
        WHERE a.prescription_id = prescription.id AND a.pharmacy_id = own_pharmacy() AND a.ended_at IS NULL));
CREATE POLICY issue ON prescription FOR INSERT WITH CHECK (
    app_role() = 'DOCTOR' AND doctor_id = app_actor() AND status = 'ACTIVE' AND pharmacy_id IS NULL
    AND EXISTS (SELECT FROM appointment a WHERE a.id = prescription.appointment_id
                AND a.doctor_id = prescription.doctor_id AND a.patient_id = prescription.patient_id));
CREATE POLICY move ON prescription FOR UPDATE USING (
    patient_id = app_actor() OR doctor_id = app_actor()
    OR app_role() = 'PHARMACY' AND EXISTS (SELECT FROM prescription_access a
        WHERE a.prescription_id = prescription.id AND a.pharmacy_id = own_pharmacy() AND a.ended_at IS NULL));

CREATE POLICY read ON prescription_item FOR SELECT USING (
    EXISTS (SELECT FROM prescription p WHERE p.id = prescription_item.prescription_id));
CREATE POLICY issue ON prescription_item FOR INSERT WITH CHECK (dispensed = 0 AND EXISTS (
    SELECT FROM prescription p WHERE p.id = prescription_item.prescription_id AND p.doctor_id = app_actor()));
CREATE POLICY fill ON prescription_item FOR UPDATE USING (app_role() = 'PHARMACY' AND EXISTS (
    SELECT FROM prescription p WHERE p.id = prescription_item.prescription_id));

CREATE POLICY read ON prescription_history FOR SELECT USING (
    EXISTS (SELECT FROM prescription p WHERE p.id = prescription_history.prescription_id));
CREATE POLICY tell ON prescription_history FOR INSERT WITH CHECK (actor_id = app_actor());

CREATE POLICY read ON refill_request FOR SELECT USING (patient_id = app_actor() OR doctor_id = app_actor());
CREATE POLICY ask ON refill_request FOR INSERT WITH CHECK (patient_id = app_actor() AND status = 'OPEN');
CREATE POLICY answer ON refill_request FOR UPDATE USING (doctor_id = app_actor());

CREATE POLICY own ON prescription_template USING (doctor_id = app_actor());
"""

# What has been signed can be added to and not changed: the application's role has no other right. (A back-up knows no
# grants: a restore calls every function whose name begins with `admit_`.)
GRANTS = """
CREATE FUNCTION admit_to_prescriptions() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    REVOKE UPDATE, DELETE ON prescription, prescription_item, prescription_history, prescription_key, prescription_access
        FROM care_portal_app;
    GRANT UPDATE (status, pharmacy_id, sent_at) ON prescription TO care_portal_app;
    GRANT UPDATE (dispensed) ON prescription_item TO care_portal_app;
    GRANT UPDATE (granted_at, ended_at) ON prescription_access TO care_portal_app;
    REVOKE EXECUTE ON FUNCTION admit_to_prescriptions, active_medicines, prescription_shown FROM PUBLIC;
    REVOKE EXECUTE ON FUNCTION admit_to_prescriptions FROM care_portal_app;
END $$;
SELECT admit_to_prescriptions();
"""

DOORS = """
-- What a patient takes by anybody's prescription, for the doctors whom they visit: names of medicines, not who prescribed.
CREATE FUNCTION active_medicines(patient uuid)
RETURNS TABLE (prescription_id uuid, drug_name text, active_ingredient text, issued_at timestamptz, valid_until timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT p.id, i.drug_name, i.active_ingredient, p.issued_at, p.valid_until
    FROM prescription p JOIN prescription_item i ON i.prescription_id = p.id
    WHERE p.patient_id = patient AND p.status IN ('ACTIVE', 'PARTIALLY_FILLED', 'FILLED')
        AND (p.status <> 'FILLED' OR p.issued_at + make_interval(days => i.duration_days) > clock_timestamp())
        AND p.valid_until > clock_timestamp()
        AND EXISTS (SELECT FROM appointment a WHERE a.patient_id = patient AND a.doctor_id = app_actor())
    ORDER BY p.issued_at DESC, i.position;
    now_as := set_config('app.role', before, true);
END $$;

-- What whoever holds the paper may know of it: whether it is genuine, its dates, what is left. Nobody's name.
CREATE FUNCTION prescription_shown(wanted text)
RETURNS TABLE (id uuid, code text, status text, issued_at timestamptz, valid_until timestamptz, time_zone text,
    content_hash bytea, key_id text, items jsonb)
LANGUAGE plpgsql STABLE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT p.id, p.code, CASE WHEN p.status IN ('ACTIVE', 'PARTIALLY_FILLED') AND p.valid_until <= clock_timestamp()
            THEN 'EXPIRED' ELSE p.status END, p.issued_at, p.valid_until, p.time_zone, p.content_hash, p.key_id,
        (SELECT jsonb_agg(jsonb_build_object('drug_name', i.drug_name, 'strength', i.strength, 'unit', i.unit,
            'quantity', trim_scale(i.quantity * (1 + i.refills_allowed))::text,
            'remaining', trim_scale(i.quantity * (1 + i.refills_allowed) - i.dispensed)::text) ORDER BY i.position)
         FROM prescription_item i WHERE i.prescription_id = p.id)
    FROM prescription p WHERE p.code = wanted;
    now_as := set_config('app.role', before, true);
END $$;
"""


async def create() -> None:
    for script in (TABLES, STAYS, WALLS, DOORS, GRANTS):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
