"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, BigInt, Boolean, Date, Numeric, Text, Timestamptz
from piccolo.table import Table


class StockLocation(Table, tablename="stock_location"):
    id = UUID(primary_key=True, default=None)
    kind = Text(default=None)
    name = Text(default=None)
    time_zone = Text(default=None)
    currency = Text(default=None)
    active = Boolean(default=None)


class Batch(Table, tablename="batch"):
    id = UUID(primary_key=True, default=None)
    item_id = UUID(default=None)
    location_id = UUID(default=None)
    batch_number = Text(default=None)
    expiry_date = Date(default=None)
    quantity = Numeric(default=None)
    cost_price = Numeric(default=None)
    selling_price = Numeric(default=None)
    currency = Text(default=None)
    recalled_at = Timestamptz(null=True, default=None)
    recall_reason = Text(null=True, default=None)
    counted = Boolean(default=None)
    told_expiring = Boolean(default=None)
    created_at = Timestamptz(default=None)


class StockLevel(Table, tablename="stock_level"):
    item_id = UUID(default=None)
    location_id = UUID(primary_key=True, default=None)
    quantity = Numeric(default=None)
    threshold = Numeric(default=None)
    own_threshold = Boolean(default=None)
    told_low = Boolean(default=None)
    movements = BigInt(default=None)


class StockUse(Table, tablename="stock_use"):
    item_id = UUID(default=None)
    location_id = UUID(primary_key=True, default=None)
    day = Date(default=None)
    quantity = Numeric(default=None)


class StockTransaction(Table, tablename="stock_transaction"):
    id = UUID(primary_key=True, default=None)
    item_id = UUID(default=None)
    batch_id = UUID(default=None)
    location_id = UUID(default=None)
    transaction_type = Text(default=None)
    quantity = Numeric(default=None)
    balance = Numeric(default=None)
    actor_id = UUID(default=None)
    reason = Text(default=None)
    document = Text(default=None)
    other_location_id = UUID(null=True, default=None)
    created_at = Timestamptz(default=None)
