"""Policy rows: the notes of a visit, which are its doctor's, and the summary, which is the two's."""

from tests.access.policy import Row

ONE = "/api/appointments/{appointment_id}"
PAGE = "/appointments/{appointment_id}/visit"
SEEN = {"appointment_id": "completed"}
NOW = {"appointment_id": "in_progress"}
NOTES = {"version": 1, "private_notes": "All is well", "patient_summary": "Rest", "diagnosis": "A cold"}
FORM = NOTES | {"version": "1", "share_diagnosis": "true"}

ROWS = [
    Row(f"GET {ONE}/summary", "patient doctor", SEEN),
    Row(f"GET {ONE}/notes", "doctor", SEEN),
    Row(f"PUT {ONE}/notes", "doctor", SEEN, NOTES),
    Row(f"GET {ONE}/notes/history", "doctor", SEEN),
    Row(f"GET {ONE}/notes/past", "doctor", {"appointment_id": "booked"}),
    Row(f"GET {PAGE}", "doctor", NOW),
    Row(f"POST {PAGE}", "doctor", NOW, FORM, ok=(303,)),
    Row(f"POST {PAGE}/save", "doctor", NOW, FORM),
    Row(f"POST {PAGE}/complete", "doctor", NOW, FORM, ok=(303,)),
    Row(f"GET {PAGE}/history", "doctor", SEEN),
]
