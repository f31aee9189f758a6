"""Policy rows: queues as JSON."""

from tests.access.policy import Row

QUEUE = "/api/sessions/{session_id}/queue"
VISIT = "/api/appointments/{appointment_id}"
SESSION = {"session_id": "queue_session"}
DAY = {"date": "$queue_day"}
NEW = {"first_name": "Nia", "last_name": "New"}

ROWS = [
    Row("GET /api/queues", "CLINIC_ADMIN DOCTOR"),
    Row("GET /api/queues", "CLINIC_ADMIN DOCTOR", query="date=$queue_day"),
    Row(f"GET {QUEUE}", "patient doctor admin", SESSION, query="date=$queue_day"),
    Row(f"POST {QUEUE}/call-next", "doctor admin", SESSION, DAY),
    Row(f"POST {QUEUE}/walk-ins", "doctor admin", SESSION, DAY | NEW),
    Row(f"POST {QUEUE}/delay", "doctor admin", SESSION, DAY | {"delay_minutes": 10}),
    Row(f"POST {VISIT}/missed-call", "doctor admin", {"appointment_id": "called"}),
    Row(f"GET {VISIT}/queue", "patient", {"appointment_id": "queued"}),
    Row(f"GET {VISIT}/queue", "patient", {"appointment_id": "queued"}, query="travel_minutes=20"),
]  # fmt: skip
