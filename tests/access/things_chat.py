"""A conversation around one patient: words and a file from each of the two, not read yet by the other."""

from typing import Any
from uuid import UUID

from portal import db, storage
from portal.ids import uuid7
from tests.access.canaries import canary

BEGUN = """
INSERT INTO conversation (appointment_id, last_number, patient_unread, doctor_unread, files, file_bytes)
VALUES ($1, 2, 1, 1, 1, $2)
"""
FILE = """
INSERT INTO chat_file (id, appointment_id, sender_id, storage_key, name, media_type, size)
VALUES ($1, $2, $3, $4, $5, 'application/pdf', $6)
"""
MESSAGE = """
INSERT INTO message (id, appointment_id, number, sender_id, client_id, body, file_id)
VALUES ($1, $2, $3, $4, gen_random_uuid(), $5, $6)
"""


async def of_side(side: str, ids: dict[str, Any]) -> dict[str, Any]:
    """In the visit that is booked: the patient wrote, the doctor sent a file."""
    visit: UUID = ids["booked"]
    message, file, key = uuid7(), uuid7(), f"chat/{uuid7()}"
    content = b"%PDF-1.7\n" + canary(side, "notes").encode() + b"\n%%EOF\n"
    await storage.put(key, content, "application/pdf")
    await db.execute(BEGUN, visit, len(content))
    await db.execute(FILE, file, visit, ids["doctor"], key, canary(side, "notes") + ".pdf", len(content))
    await db.execute(MESSAGE, message, visit, 1, ids["patient"], canary(side, "notes"), None)
    await db.execute(MESSAGE, uuid7(), visit, 2, ids["doctor"], canary(side, "notes"), file)
    return {"message": message, "chat_file": file, "client_id": str(uuid7())}
