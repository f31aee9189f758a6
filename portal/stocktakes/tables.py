"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Bytea, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table


class StockCount(Table, tablename="stock_count"):
    id = UUID(primary_key=True, default=None)
    location_id = UUID(default=None)
    actor_id = UUID(default=None)
    note = Text(default=None)
    created_at = Timestamptz(default=None)


class StockCountLine(Table, tablename="stock_count_line"):
    count_id = UUID(primary_key=True, default=None)
    batch_id = UUID(default=None)
    expected = Numeric(default=None)
    counted = Numeric(default=None)


class StockImport(Table, tablename="stock_import"):
    id = UUID(primary_key=True, default=None)
    location_id = UUID(default=None)
    actor_id = UUID(default=None)
    digest = Bytea(default=None)
    lines = Integer(default=None)
    created_at = Timestamptz(default=None)
