"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, BigInt, Bytea, SmallInt, Text, Timestamptz
from piccolo.table import Table


class AuditHead(Table, tablename="audit_head"):
    chain = SmallInt(primary_key=True, default=None)
    seq = BigInt(default=None)
    hash = Bytea(default=None)


class AuditEvent(Table, tablename="audit_event"):
    chain = SmallInt(default=None)
    seq = BigInt(default=None)
    at = Timestamptz(default=None)
    actor_id = UUID(null=True, default=None)
    actor_role = Text(null=True, default=None)
    action = Text(default=None)
    outcome = Text(default=None)
    subject_type = Text(default=None)
    subject_id = Text(default=None)
    patient_id = UUID(null=True, default=None)
    reason = Text(null=True, default=None)
    request_id = Text(null=True, default=None)
    previous_hash = Bytea(default=None)
    hash = Bytea(default=None)
