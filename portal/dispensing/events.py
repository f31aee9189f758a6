"""What open pages are told when something was given out or taken back; ids only."""

from typing import Any
from uuid import UUID

from portal import db, live
from portal.dispensing import statements


async def publish_in_tx(row: Any, event: str, dispense_id: UUID) -> None:
    """After the commit, tell the patient, the doctor, their visit, and every counter that may see the prescription."""
    async with db.as_portal():  # at which other counters it is open, this one does not learn
        counters = await db.fetch(statements.COUNTERS, row["id"])
    people = [f"user:{row['patient_id']}", f"user:{row['doctor_id']}", f"appointment:{row['appointment_id']}"]
    for topic in [*people, *(f"pharmacy:{one['pharmacy_id']}" for one in counters)]:
        live.publish(topic, event, prescription_id=row["id"], dispense_id=dispense_id)
