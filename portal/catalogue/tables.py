"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, Numeric, Text, Timestamptz
from piccolo.table import Table


class CatalogItem(Table, tablename="catalog_item"):
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    active_ingredient = Text(default=None)
    form = Text(default=None)
    strength = Text(default=None)
    unit_type = Text(default=None)
    category = Text(default=None)
    reorder_threshold = Numeric(default=None)
    max_daily = Numeric(null=True, default=None)
    is_active = Boolean(default=None)
    created_at = Timestamptz(default=None)
