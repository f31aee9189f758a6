"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    Boolean,
    Date,
    DoublePrecision,
    Integer,
    Numeric,
    SmallInt,
    Text,
    Timestamptz,
)
from piccolo.table import Table


class Specialty(Table, tablename="specialty"):
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    description = Text(default=None)
    active = Boolean(default=None)
    created_at = Timestamptz(default=None)


class Doctor(Table, tablename="doctor"):
    account_id = UUID(primary_key=True, default=None)
    specialty_id = UUID(null=True, default=None)
    title = Text(default=None)
    licence_number = Text(default=None)
    bio = Text(default=None)
    qualifications = Text(default=None)
    languages = Array(base_column=Text(), default=None)
    years_of_experience = SmallInt(null=True, default=None)
    consultation_fee = Numeric(digits=(10, 2), default=None)
    currency = Text(default=None)
    rating = Numeric(digits=(2, 1), null=True, default=None)
    latitude = DoublePrecision(null=True, default=None)
    longitude = DoublePrecision(null=True, default=None)
    availability_status = Text(default=None)
    last_assigned_at = Timestamptz(null=True, default=None)
    busy_with = UUID(null=True, default=None)
    former_status = Text(null=True, default=None)
    created_at = Timestamptz(default=None)


class Patient(Table, tablename="patient"):
    account_id = UUID(primary_key=True, default=None)
    date_of_birth = Date(null=True, default=None)
    sex = Text(null=True, default=None)
    address = Text(default=None)
    medical_history = Text(default=None)
    allergies = JSONB(default=None)
    conditions = JSONB(default=None)
    emergency_contacts = JSONB(default=None)
    preferred_doctor_ids = Array(base_column=UUID(), default=None)
    preferred_clinic_ids = Array(base_column=UUID(), default=None)
    version = Integer(default=None)
