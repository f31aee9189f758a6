"""The pharmacy counter: what was given out of which batch, for which item of a prescription; and tries at codes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:84:00"
VERSION = "1.38.0"
DESCRIPTION = "dispensing"

TABLES = """
-- One visit to the counter. That the person was asked who they are is part of it, or there is none.
CREATE TABLE dispense (
    id uuid CONSTRAINT dispense_pkey PRIMARY KEY,
    prescription_id uuid NOT NULL CONSTRAINT dispense_prescription_fkey REFERENCES prescription,
    patient_id uuid NOT NULL CONSTRAINT dispense_patient_fkey REFERENCES patient,
    pharmacy_id uuid NOT NULL CONSTRAINT dispense_pharmacy_fkey REFERENCES pharmacy,
    pharmacist_id uuid NOT NULL CONSTRAINT dispense_pharmacist_fkey REFERENCES account,
    identity_checked boolean NOT NULL CONSTRAINT dispense_identity_checked CHECK (identity_checked),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undone_at timestamptz,
    undone_by uuid CONSTRAINT dispense_undone_by_fkey REFERENCES account,
    CONSTRAINT dispense_undone_by_somebody CHECK ((undone_at IS NULL) = (undone_by IS NULL)),
    CONSTRAINT dispense_undone_in_time CHECK (undone_at BETWEEN at AND at + interval '15 minutes')
);
CREATE INDEX dispense_of_prescription ON dispense (prescription_id, at);
CREATE INDEX dispense_of_pharmacy ON dispense (pharmacy_id, at DESC);
CREATE INDEX dispense_of_patient ON dispense (patient_id);

-- What came out of one batch, in the words and at the price of that moment, each with its row of the ledger: the stock
-- and what was given out can be laid beside each other.
CREATE TABLE dispense_line (
    id uuid CONSTRAINT dispense_line_pkey PRIMARY KEY DEFAULT new_id(),
    dispense_id uuid NOT NULL CONSTRAINT dispense_line_dispense_fkey REFERENCES dispense,
    prescription_item_id uuid NOT NULL CONSTRAINT dispense_line_prescription_item_fkey REFERENCES prescription_item,
    item_id uuid NOT NULL CONSTRAINT dispense_line_item_fkey REFERENCES catalog_item,
    batch_id uuid NOT NULL CONSTRAINT dispense_line_batch_fkey REFERENCES batch,
    batch_number text NOT NULL,
    expiry_date date NOT NULL,
    quantity numeric(12, 3) NOT NULL CONSTRAINT dispense_line_quantity_positive CHECK (quantity > 0),
    unit_price numeric(10, 2) NOT NULL CONSTRAINT dispense_line_price_not_negative CHECK (unit_price >= 0),
    currency text NOT NULL,
    substitute_reason text CONSTRAINT dispense_line_reason_present CHECK (substitute_reason <> ''),
    transaction_id uuid NOT NULL CONSTRAINT dispense_line_transaction_fkey REFERENCES stock_transaction,
    CONSTRAINT dispense_line_one_movement UNIQUE (transaction_id)
);
CREATE INDEX dispense_line_of_dispense ON dispense_line (dispense_id);
CREATE INDEX dispense_line_of_item ON dispense_line (prescription_item_id);
CREATE INDEX dispense_line_of_batch ON dispense_line (batch_id);

-- How often a code was tried with a wrong date of birth, and how often a pharmacy tried: whoever asks is counted first.
CREATE TABLE code_try (
    whose text CONSTRAINT code_try_pkey PRIMARY KEY,
    tries integer NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""

# What was given out stays as it was; that it was taken back is said once.
KEPT = """
CREATE FUNCTION dispense_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER dispense_unchanged BEFORE UPDATE ON dispense FOR EACH ROW
    WHEN (OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
        OR (NEW.id, NEW.prescription_id, NEW.patient_id, NEW.pharmacy_id, NEW.pharmacist_id, NEW.at)
            IS DISTINCT FROM (OLD.id, OLD.prescription_id, OLD.patient_id, OLD.pharmacy_id, OLD.pharmacist_id, OLD.at))
    EXECUTE FUNCTION dispense_stays();
CREATE TRIGGER dispense_kept BEFORE DELETE ON dispense FOR EACH ROW EXECUTE FUNCTION dispense_stays();
CREATE TRIGGER dispense_line_unchanged BEFORE UPDATE OR DELETE ON dispense_line
    FOR EACH ROW EXECUTE FUNCTION dispense_stays();
"""

# Whoever may see a prescription may see what was given out for it; its own policies decide who that is. A pharmacy goes on
# seeing what it gave out itself: a batch may be recalled years later.
WALLS = """
SELECT protect('dispense'), protect('dispense_line'), protect('code_try');
CREATE POLICY read ON dispense FOR SELECT USING (
    pharmacy_id = own_pharmacy() OR EXISTS (SELECT FROM prescription p WHERE p.id = dispense.prescription_id));
CREATE POLICY give ON dispense FOR INSERT WITH CHECK (pharmacist_id = app_actor() AND pharmacy_id = own_pharmacy());
CREATE POLICY undo ON dispense FOR UPDATE USING (pharmacy_id = own_pharmacy()) WITH CHECK (undone_by = app_actor());
CREATE POLICY read ON dispense_line FOR SELECT USING (
    EXISTS (SELECT FROM dispense d WHERE d.id = dispense_line.dispense_id));
CREATE POLICY give ON dispense_line FOR INSERT WITH CHECK (
    EXISTS (SELECT FROM dispense d WHERE d.id = dispense_line.dispense_id AND d.pharmacist_id = app_actor()));
"""

# As with what was signed: a restore calls this again.
GRANTS = """
CREATE FUNCTION admit_to_dispensing() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    REVOKE UPDATE, DELETE ON dispense, dispense_line FROM care_portal_app;
    GRANT UPDATE (undone_at, undone_by) ON dispense TO care_portal_app;
    REVOKE EXECUTE ON FUNCTION admit_to_dispensing FROM PUBLIC, care_portal_app;
END $$;
SELECT admit_to_dispensing();
"""


async def create() -> None:
    for script in (TABLES, KEPT, WALLS, GRANTS):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
