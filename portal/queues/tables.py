"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Date, SmallInt, Text, Timestamptz
from piccolo.table import Table


class QueueDay(Table, tablename="queue_day"):
    session_id = UUID(default=None)
    date = Date(default=None)
    delay_minutes = SmallInt(default=None)
    announced_at = Timestamptz(null=True, default=None)


class VisitEstimate(Table, tablename="visit_estimate"):
    appointment_id = UUID(default=None)
    made_at = Timestamptz(default=None)
    expected_start = Timestamptz(default=None)
    expected_from = Timestamptz(default=None)
    expected_to = Timestamptz(default=None)
    how = Text(default=None)
