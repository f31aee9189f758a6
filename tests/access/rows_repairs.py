"""Policy rows: planning whole ranges of dates, and repairing a broken day."""

from tests.access.policy import Row

LEAVE = {"from": "$next_session_day", "to": "$next_session_day", "kind": "CLOSE", "reason": "Away"}
CONFIRMED = {"confirmed": "true"}
DOCTOR = {"doctor_id": "doctor"}
PLANNERS = "doctor admin"
ADMIN = "/clinic/doctors/{doctor_id}/schedule"

PLANS = [
    Row("GET /api/doctors/{doctor_id}/schedule", PLANNERS, DOCTOR, query="from=$session_day&to=$next_session_day"),
    Row("POST /api/doctors/{doctor_id}/leave", PLANNERS, DOCTOR, LEAVE),
    Row("POST /api/doctors/{doctor_id}/leave/preview", PLANNERS, DOCTOR, LEAVE),
    Row("GET /schedule/leave", "DOCTOR"),
    Row("POST /schedule/leave", "DOCTOR", body=LEAVE | CONFIRMED, ok=(303,)),
    Row(f"GET {ADMIN}/leave", PLANNERS, DOCTOR),
    Row(f"POST {ADMIN}/leave", PLANNERS, DOCTOR, LEAVE | CONFIRMED, ok=(303,)),
]

ROWS = [*PLANS]
