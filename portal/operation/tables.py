"""What the processes write about themselves. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, BigInt, DoublePrecision, Integer, Text, Timestamptz
from piccolo.table import Table


class BackgroundTask(Table, tablename="background_task"):
    name = Text(primary_key=True, default=None)
    kind = Text(default=None)
    last_started_at = Timestamptz(null=True, default=None)
    last_finished_at = Timestamptz(null=True, default=None)
    last_failed_at = Timestamptz(null=True, default=None)
    last_error = Text(null=True, default=None)
    due_at = Timestamptz(null=True, default=None)
    failures_in_row = Integer(default=0)
    runs = BigInt(default=0)
    failures = BigInt(default=0)
    seconds = DoublePrecision(default=0)
    last_seconds = DoublePrecision(null=True, default=None)


class RunningProcess(Table, tablename="running_process"):
    id = UUID(primary_key=True, default=None)
    kind = Text(default=None)
    host = Text(default=None)
    pid = Integer(default=None)
    version = Text(default=None)
    memory_bytes = BigInt(default=None)
    started_at = Timestamptz(default=None)
    seen_at = Timestamptz(default=None)
    ended_at = Timestamptz(null=True, default=None)
