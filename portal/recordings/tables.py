"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table


class RecordingConsent(Table, tablename="recording_consent"):
    video_session_id = UUID(default=None)
    account_id = UUID(default=None)
    given = Boolean(default=None)
    changed_at = Timestamptz(default=None)


class Recording(Table, tablename="recording"):
    id = UUID(primary_key=True, default=None)
    video_session_id = UUID(default=None)
    provider = Text(default=None)
    media_type = Text(default=None)
    status = Text(default=None)
    pipeline_id = Text(null=True, default=None)
    pipeline_arn = Text(null=True, default=None)
    started_at = Timestamptz(default=None)
    stopped_at = Timestamptz(null=True, default=None)


class RecordingPiece(Table, tablename="recording_piece"):
    recording_id = UUID(default=None)
    number = Integer(default=None)
    storage_key = Text(default=None)
    size_bytes = Integer(default=None)
    digest = Bytea(default=None)
