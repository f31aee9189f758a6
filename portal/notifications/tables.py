"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import JSONB, UUID, BigInt, SmallInt, Text, Timestamptz
from piccolo.table import Table


class Notification(Table, tablename="notification"):
    id = UUID(primary_key=True, default=None)
    account_id = UUID(default=None)
    kind = Text(default=None)
    link = Text(default=None)
    created_at = Timestamptz(default=None)
    read_at = Timestamptz(null=True, default=None)


class Mail(Table, tablename="mail"):
    id = UUID(primary_key=True, default=None)
    account_id = UUID(null=True, default=None)
    recipient = Text(default=None)
    subject = Text(null=True, default=None)
    body = Text(null=True, default=None)
    created_at = Timestamptz(default=None)
    sent_at = Timestamptz(null=True, default=None)
    failed_at = Timestamptz(null=True, default=None)
    attempts = SmallInt(default=None)
    about = Text(null=True, default=None)
    about_id = UUID(null=True, default=None)


class InboxEvent(Table, tablename="inbox_event"):
    id = UUID(primary_key=True, default=None)
    event_type = Text(default=None)
    taken_at = Timestamptz(default=None)


class OutboxEvent(Table, tablename="outbox_event"):
    id = UUID(primary_key=True, default=None)
    position = BigInt(default=None)
    event_type = Text(default=None)
    aggregate_id = UUID(default=None)
    data = JSONB(default=None)
    created_at = Timestamptz(default=None)
    due_at = Timestamptz(default=None)
    attempts = SmallInt(default=None)
    last_error = Text(null=True, default=None)
    delivered_at = Timestamptz(null=True, default=None)
    dead_at = Timestamptz(null=True, default=None)
