"""Strings that stand in every free-text column, say whose they are and who may read them, and are searched for.

A canary reads `zq-<side>-<audience>`: the side is whose world it belongs to, the audience who of that world may see it.
"""

import re
from base64 import urlsafe_b64decode
from binascii import Error
from urllib.parse import unquote

from tests.access.call import Answer

# Which people around one patient may see a text: see `world.RELATED` for who they are on each side.
AUDIENCES = {
    "self": {"self"},
    "person": {"patient", "doctor", "admin", "system", "self"},  # a patient's name, mail, telephone
    "staff": {"doctor", "admin", "pharmacist", "system", "self"},  # what is not public of those who work here
    "record": {"patient", "doctor", "admin", "system"},
    "visit": {"patient", "doctor", "admin"},  # why the patient comes: not for the back office
    "notes": {"patient", "doctor"},  # what was said in the consulting room
    "consulting": {"doctor"},  # what was written there
    "shelf": {"admin"},  # what lies at the clinic
    "counter": {"pharmacist"},  # what lies at the pharmacy
    "planning": {"doctor", "admin", "system"},  # why a session is off
    "system": {"system"},
    "trace": {"system", "self"},  # why a record was opened: its owner may know
    "own": {"doctor"},  # what a doctor keeps for themselves
    "rx": {"patient", "doctor", "pharmacist"},  # what was prescribed, where it was sent to, and what was given out
    "nobody": set(),
}
SIDES = ("owner", "other", "elsewhere", "pending", "suspended")
PATTERN = re.compile("zq-(" + "|".join(SIDES) + ")-(" + "|".join(AUDIENCES) + ")")
TOKENS = ("patient", "doctor", "admin", "pharmacist")
NUMBER = re.compile(r"4930([1-5])([1-4])7390125")
SPACING = re.compile(r"[\s()/-]")

# Every text column of the database: its audience, or why it holds nothing private. A column without a line fails.
COLUMNS = {
    "account.email": "person staff",
    "account.first_name": "person",
    "account.last_name": "person",
    "account.status_reason": "system",
    "patient.address": "record",
    "patient.medical_history": "record",
    "patient.allergies": "record",
    "patient.conditions": "record",
    "patient.emergency_contacts": "record",
    "doctor.licence_number": "staff",
    "pharmacist.licence_number": "staff",
    "pharmacy.licence_number": "staff",
    "session_override.reason": "planning",
    "batch.batch_number": "counter shelf",
    "batch.recall_reason": "counter",
    "stock_transaction.reason": "counter shelf",
    "stock_transaction.document": "counter shelf",
    "stock_count.note": "counter",
    "wall_link.name": "planning",
    "prescription.patient_name": "rx",
    "prescription.notes": "rx",
    "prescription.warnings": "notes",
    "prescription.content": "rx",
    "prescription_item.instructions": "rx",
    "prescription_item.drug_name": "rx",
    "prescription_history.reason": "rx",
    "prescription_template.name": "own",
    "prescription_template.items": "own",
    "refill_request.note": "notes",
    "refill_request.answer": "notes",
    "emergency.description": "notes",
    "appointment.chief_complaint": "visit",
    "visit_note.private_notes": "consulting",
    "visit_note.patient_summary": "notes",
    "visit_note.diagnosis": "notes",
    "visit_note_version.private_notes": "consulting",
    "visit_note_version.patient_summary": "notes",
    "visit_note_version.diagnosis": "notes",
    "appointment_history.reason": "record",
    "referral.note": "notes",
    "video_session.chief_complaint": "visit",
    "video_session.session_notes": "notes",
    "video_session.cancellation_reason": "visit",
    "video_attendee.browser_info": "nobody",
    "video_signal.data": "notes",
    "message.body": "notes",
    "chat_file.name": "notes",
    "dispense_line.substitute_reason": "rx",
    "login.user_agent": "self",
    "login.revoked_reason": "nobody",
    "audit_event.reason": "trace",
    "mail.recipient": "person",
    "mail.subject": "nobody",
    "mail.body": "nobody",
    "notification.link": "self",
    "outbox_event.data": "nobody",
    "outbox_event.last_error": "nobody",
    "idempotency_key.key": "nobody",
}
PUBLIC = {
    "dispense_line.batch_number": "a number of the maker, which stands on the box",
    "account.name_key": "made of name and address, with their canaries",
    "account.phone_number": "a number of its own for each person, see `phone`",
    "appointment.doctor_notes": "empty at once: the notes of the visit have it",
    "appointment.needs_attention": "a code of ours",
    "code_try.whose": "an id or a code, for the portal alone",
    "audit_event.outcome": "a name of ours",
    "emergency_history.from_status": "a state",
    "emergency_history.to_status": "a state",
    "mail.about": "a name of ours",
    "patient.sex": "a word of ours; it stands beside texts that are searched for",
    "appointment_history.from_status": "a state",
    "appointment_history.to_status": "a state",
    "audit_event.action": "a name of ours",
    "doctor.former_status": "a state",
    "audit_event.actor_role": "a role",
    "audit_event.request_id": "an id",
    "audit_event.subject_id": "an id",
    "audit_event.subject_type": "a name of ours",
    "inbox_event.event_type": "a name of the contract",
    "notification.kind": "a name of ours",
    "outbox_event.event_type": "a name of ours",
    "recording.provider": "a word of ours",
    "recording.pipeline_id": "an id of the provider, which lets nobody in",
    "recording.pipeline_arn": "an id of the provider, which lets nobody in",
    "recording_piece.storage_key": "a key of ours",
    "prescription.clinic_name": "of a public clinic",
    "prescription.code": "a code of its own for each",
    "prescription.doctor_name": "of a public doctor",
    "prescription.key_id": "a name of a public key",
    "prescription.language": "a code of ours",
    "prescription_access.how": "a word of ours",
    "prescription_history.from_status": "a state",
    "prescription_history.to_status": "a state",
    "prescription_item.active_ingredient": "beside the medicine's name",
    "prescription_item.dose_unit": "a word of ours",
    "prescription_item.form": "beside the medicine's name",
    "prescription_item.frequency": "a word of ours",
    "prescription_item.strength": "beside the medicine's name",
    "prescription_item.unit": "a word of ours",
    "prescription_key.id": "a name of a public key",
    "repair.state": "a state",
    "video_event.event_type": "a name of ours",
    "video_session.provider": "a word of ours",
    "video_session.meeting_id": "an id of the provider, which lets nobody in",
    "video_session.media_region": "a name of the provider",
    "video_session.media_placement": "addresses of the provider",
    "video_attendee.provider_attendee_id": "an id of the provider, which lets nobody in",
    "video_attendee.quality": "a word of ours",
    "video_attendee.mode": "a word of ours",
    "visit_estimate.how": "a word of ours",
    "chat_file.storage_key": "a key of ours, never read out",
    "account.password_hash": "never read out but to compare; H9 looks for it in logs",
}
# Tables and columns that are for everybody, and what is derived from them.
PUBLIC_TABLES = {"clinic", "pharmacy", "specialty", "department", "clinic_opening_hours", "migration"}
PUBLIC_TABLES |= {"doctor_search", "doctor_place"}  # drawn from what is public
PUBLIC_TABLES |= {"catalog_item", "stock_location"}  # names of medicines, and what is public of clinics and pharmacies
PUBLIC_TABLES |= {"background_task", "running_process"}  # names of ours, of errors, of hosts
PUBLIC_DOCTOR = {"title", "bio", "qualifications", "languages", "currency"}
PLAIN = re.compile(r"(status|role|currency|time_zone|locale|appearance|kind|_type)$")  # words of ours, not of people


def canary(side: str, audience: str) -> str:
    return f"zq-{side}-{audience}"


def phone(side: str, token: str) -> str:
    """A telephone number that nobody else has; it is searched for like a canary."""
    return f"+4930{SIDES.index(side) + 1}{TOKENS.index(token) + 1}7390125"


def is_explained(table: str, column: str) -> bool:
    """Whether this text column has a line above."""
    name = f"{table}.{column}"
    if name in COLUMNS or name in PUBLIC or table in PUBLIC_TABLES or table.startswith(("pgqueuer", "search_")):
        return True
    return (table == "doctor" and column in PUBLIC_DOCTOR) or PLAIN.search(column) is not None


def seen(answer: Answer) -> set[tuple[str, str]]:
    """(side, audience) of every canary in a body, a header, an address to go to, or a signed message to come."""
    return seen_in(answer.text.lower() + readable(" ".join(value for _name, value in answer.headers)).lower())


def seen_in(text: str) -> set[tuple[str, str]]:
    """The same for any text."""
    numbers = NUMBER.findall(SPACING.sub("", text)) if "4930" in text or "+49" in text else []
    whose = {(SIDES[int(side) - 1], "person" if token == "1" else "staff") for side, token in numbers}
    return set(PATTERN.findall(text)) | whose


def readable(headers: str) -> str:
    """Headers with what is encoded in them: percent signs, and the flash message of a cookie."""
    found = [headers, unquote(headers)]
    for word in re.findall(r"[A-Za-z0-9_-]{16,}", headers):
        try:
            found.append(urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode("utf-8", "ignore"))
        except (Error, ValueError):
            continue
    return " ".join(found)
