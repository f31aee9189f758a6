"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, Date, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table


class Dispense(Table, tablename="dispense"):
    id = UUID(primary_key=True, default=None)
    prescription_id = UUID(default=None)
    patient_id = UUID(default=None)
    pharmacy_id = UUID(default=None)
    pharmacist_id = UUID(default=None)
    identity_checked = Boolean(default=None)
    at = Timestamptz(default=None)
    undone_at = Timestamptz(null=True, default=None)
    undone_by = UUID(null=True, default=None)


class DispenseLine(Table, tablename="dispense_line"):
    id = UUID(primary_key=True, default=None)
    dispense_id = UUID(default=None)
    prescription_item_id = UUID(default=None)
    item_id = UUID(default=None)
    batch_id = UUID(default=None)
    batch_number = Text(default=None)
    expiry_date = Date(default=None)
    quantity = Numeric(default=None)
    unit_price = Numeric(default=None)
    currency = Text(default=None)
    substitute_reason = Text(null=True, default=None)
    transaction_id = UUID(default=None)


class CodeTry(Table, tablename="code_try"):
    whose = Text(primary_key=True, default=None)
    tries = Integer(default=None)
    since = Timestamptz(default=None)
