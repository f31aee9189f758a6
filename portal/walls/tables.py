"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Bytea, Text, Timestamptz
from piccolo.table import Table


class WallLink(Table, tablename="wall_link"):
    id = UUID(primary_key=True, default=None)
    clinic_id = UUID(default=None)
    name = Text(default=None)
    token_hash = Bytea(default=None)
    created_at = Timestamptz(default=None)
    last_seen_at = Timestamptz(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)
