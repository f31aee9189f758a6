"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import JSONB, UUID, Array, Numeric, Text, Timestamptz
from piccolo.table import Table


class DoctorSearch(Table, tablename="doctor_search"):
    doctor_id = UUID(primary_key=True, default=None)
    specialty_id = UUID(null=True, default=None)
    name_key = Text(default=None)
    words = Array(base_column=Text(), default=None)
    languages = Array(base_column=Text(), default=None)
    services = Array(base_column=Text(), default=None)
    consultation_fee = Numeric(digits=(10, 2), default=None)
    rating = Numeric(digits=(2, 1), null=True, default=None)
    card = JSONB(default=None)


class DoctorNextFree(Table, tablename="doctor_next_free"):
    doctor_id = UUID(primary_key=True, default=None)
    specialty_id = UUID(null=True, default=None)
    not_before = Timestamptz(default=None)


class DoctorPlace(Table, tablename="doctor_place"):
    doctor_id = UUID(default=None)
    clinic_id = UUID(default=None)
    specialty_id = UUID(null=True, default=None)
    name_key = Text(default=None)
