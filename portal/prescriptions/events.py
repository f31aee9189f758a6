"""What open pages are told of a prescription: ids only, to its parties and to the pharmacy that it was sent to."""

from typing import Any

from portal import live
from portal.appointments.events import APPOINTMENT, USER
from portal.inventory import events as places


def publish(row: Any, event: str) -> None:
    """After the commit, tell the patient and the doctor, the visit, and the pharmacy where there is one."""
    topics = [f"{USER.prefix}:{row['patient_id']}", f"{USER.prefix}:{row['doctor_id']}"]
    if row.get("appointment_id"):
        topics.append(f"{APPOINTMENT.prefix}:{row['appointment_id']}")
    if row["pharmacy_id"]:
        topics.append(places.topic_of("PHARMACY", row["pharmacy_id"]))
    for topic in topics:
        live.publish(topic, event, prescription_id=row["id"])


def publish_to_pharmacy(pharmacy_id: Any, event: str, prescription_id: Any) -> None:
    """A pharmacy's counter: something came, or went elsewhere."""
    live.publish(places.topic_of("PHARMACY", pharmacy_id), event, prescription_id=prescription_id)
