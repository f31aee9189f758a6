"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import JSONB, UUID, Bytea, Date, Numeric, SmallInt, Text, Timestamptz
from piccolo.table import Table


class PrescriptionKey(Table, tablename="prescription_key"):
    id = Text(primary_key=True, default=None)
    public_key = Bytea(default=None)
    first_used_at = Timestamptz(default=None)


class Prescription(Table, tablename="prescription"):
    id = UUID(primary_key=True, default=None)
    code = Text(default=None)
    doctor_id = UUID(default=None)
    patient_id = UUID(default=None)
    appointment_id = UUID(default=None)
    clinic_id = UUID(null=True, default=None)
    pharmacy_id = UUID(null=True, default=None)
    sent_at = Timestamptz(null=True, default=None)
    status = Text(default=None)
    issued_at = Timestamptz(default=None)
    valid_until = Timestamptz(default=None)
    time_zone = Text(default=None)
    language = Text(default=None)
    patient_name = Text(default=None)
    date_of_birth = Date(null=True, default=None)
    doctor_name = Text(default=None)
    clinic_name = Text(default=None)
    notes = Text(default=None)
    warnings = JSONB(default=None)
    replaces_id = UUID(null=True, default=None)
    content = Text(default=None)
    content_hash = Bytea(default=None)
    signature = Bytea(default=None)
    key_id = Text(default=None)


class PrescriptionItem(Table, tablename="prescription_item"):
    id = UUID(primary_key=True, default=None)
    prescription_id = UUID(default=None)
    position = SmallInt(default=None)
    catalog_item_id = UUID(null=True, default=None)
    drug_name = Text(default=None)
    active_ingredient = Text(default=None)
    strength = Text(default=None)
    form = Text(default=None)
    dose = Numeric(digits=(8, 3), default=None)
    dose_unit = Text(default=None)
    frequency = Text(default=None)
    duration_days = SmallInt(default=None)
    quantity = Numeric(digits=(12, 3), default=None)
    unit = Text(default=None)
    instructions = Text(default=None)
    refills_allowed = SmallInt(default=None)
    dispensed = Numeric(digits=(12, 3), default=None)


class PrescriptionHistory(Table, tablename="prescription_history"):
    id = UUID(primary_key=True, default=None)
    prescription_id = UUID(default=None)
    at = Timestamptz(default=None)
    actor_id = UUID(null=True, default=None)
    from_status = Text(null=True, default=None)
    to_status = Text(default=None)
    reason = Text(default=None)


class PrescriptionAccess(Table, tablename="prescription_access"):
    prescription_id = UUID(default=None)
    pharmacy_id = UUID(default=None)
    how = Text(default=None)
    patient_id = UUID(default=None)
    granted_at = Timestamptz(default=None)
    ended_at = Timestamptz(null=True, default=None)


class RefillRequest(Table, tablename="refill_request"):
    id = UUID(primary_key=True, default=None)
    prescription_id = UUID(default=None)
    patient_id = UUID(default=None)
    doctor_id = UUID(default=None)
    status = Text(default=None)
    note = Text(default=None)
    answer = Text(default=None)
    new_prescription_id = UUID(null=True, default=None)
    requested_at = Timestamptz(default=None)
    answered_at = Timestamptz(null=True, default=None)


class PrescriptionTemplate(Table, tablename="prescription_template"):
    id = UUID(primary_key=True, default=None)
    doctor_id = UUID(default=None)
    name = Text(default=None)
    items = JSONB(default=None)
    created_at = Timestamptz(default=None)
