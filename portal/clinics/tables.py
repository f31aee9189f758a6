"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, DoublePrecision, SmallInt, Text, Time, Timestamptz
from piccolo.table import Table


class Clinic(Table, tablename="clinic"):
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    description = Text(default=None)
    phone_number = Text(null=True, default=None)
    email = Text(null=True, default=None)
    address_line = Text(default=None)
    city = Text(default=None)
    region = Text(default=None)
    postal_code = Text(default=None)
    country = Text(default=None)
    latitude = DoublePrecision(null=True, default=None)
    longitude = DoublePrecision(null=True, default=None)
    time_zone = Text(default=None)
    currency = Text(default=None)
    active = Boolean(default=None)
    created_at = Timestamptz(default=None)


class ClinicOpeningHours(Table, tablename="clinic_opening_hours"):
    id = UUID(primary_key=True, default=None)
    clinic_id = UUID(default=None)
    day_of_week = SmallInt(default=None)
    opens = Time(default=None)
    closes = Time(default=None)


class Department(Table, tablename="department"):
    id = UUID(primary_key=True, default=None)
    clinic_id = UUID(default=None)
    name = Text(default=None)


class ClinicDoctor(Table, tablename="clinic_doctor"):
    clinic_id = UUID(default=None)
    doctor_id = UUID(default=None)
    department_id = UUID(null=True, default=None)
    created_at = Timestamptz(default=None)


class ClinicAdmin(Table, tablename="clinic_admin"):
    clinic_id = UUID(default=None)
    account_id = UUID(default=None)
    created_at = Timestamptz(default=None)


class Pharmacy(Table, tablename="pharmacy"):
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    licence_number = Text(default=None)
    phone_number = Text(null=True, default=None)
    address_line = Text(default=None)
    city = Text(default=None)
    region = Text(default=None)
    postal_code = Text(default=None)
    country = Text(default=None)
    latitude = DoublePrecision(null=True, default=None)
    longitude = DoublePrecision(null=True, default=None)
    time_zone = Text(default=None)
    active = Boolean(default=None)
    created_at = Timestamptz(default=None)


class Pharmacist(Table, tablename="pharmacist"):
    account_id = UUID(primary_key=True, default=None)
    pharmacy_id = UUID(null=True, default=None)
    licence_number = Text(default=None)
