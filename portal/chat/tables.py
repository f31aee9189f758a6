"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, BigInt, Integer, Text, Timestamptz
from piccolo.table import Table


class Conversation(Table, tablename="conversation"):
    appointment_id = UUID(primary_key=True, default=None)
    last_number = Integer(default=0)
    patient_read = Integer(default=0)
    doctor_read = Integer(default=0)
    patient_unread = Integer(default=0)
    doctor_unread = Integer(default=0)
    files = Integer(default=0)
    file_bytes = BigInt(default=0)


class ChatFile(Table, tablename="chat_file"):
    id = UUID(primary_key=True, default=None)
    appointment_id = UUID(default=None)
    sender_id = UUID(default=None)
    storage_key = Text(default=None)
    name = Text(default=None)
    media_type = Text(default=None)
    size = Integer(default=None)
    sent_at = Timestamptz(default=None)


class Message(Table, tablename="message"):
    id = UUID(primary_key=True, default=None)
    appointment_id = UUID(default=None)
    number = Integer(default=None)
    sender_id = UUID(default=None)
    client_id = UUID(default=None)
    body = Text(default=None)
    file_id = UUID(null=True, default=None)
    sent_at = Timestamptz(default=None)
