"""What the pages of the two are told: that there is something, by its number; never what it says."""

from typing import Any
from uuid import UUID

from portal import live


def tell_sent(row: Any, appointment_id: UUID) -> None:
    """A message is there; the other one has it to read, wherever they are."""
    other = row["doctor_id"] if row["sender_id"] == row["patient_id"] else row["patient_id"]
    live.publish(f"appointment:{appointment_id}", "chat.message", appointment_id=appointment_id, number=row["number"])
    live.publish(f"user:{other}", "chat.unread", appointment_id=appointment_id)


def tell_read(reader_id: UUID, appointment_id: UUID, number: int) -> None:
    """Somebody has read up to a number; their own other pages count anew."""
    ids = {"appointment_id": appointment_id, "account_id": reader_id, "number": number}
    live.publish(f"appointment:{appointment_id}", "chat.read", **ids)
    live.publish(f"user:{reader_id}", "chat.unread", appointment_id=appointment_id)


def tell_typing(writer_id: UUID, appointment_id: UUID) -> None:
    """Somebody is writing at this moment."""
    live.publish(f"appointment:{appointment_id}", "chat.typing", appointment_id=appointment_id, account_id=writer_id)
