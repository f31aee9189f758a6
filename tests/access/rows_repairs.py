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

OFFER = {"kind": "VIDEO"}
PARTIES = "patient doctor admin"
STAFF = "CLINIC_ADMIN DOCTOR"
BOOKED = {"appointment_id": "booked"}
OPEN = {"repair_id": "repair"}
OF_DOCTOR = "doctor_id=$doctor"
MEANT = {"kind": "VIDEO", "doctor_id": "$doctor"}

REPAIRS = [
    Row("GET /api/repairs/affected", STAFF),
    Row("GET /api/repairs/affected", STAFF, query=OF_DOCTOR, refusal=(200,)),
    Row("POST /api/repairs/all", STAFF, body=MEANT, refusal=(201,)),
    Row("POST /api/repairs/all/preview", STAFF, body=MEANT, refusal=(200,)),
    Row("GET /api/appointments/{appointment_id}/repairs", PARTIES, BOOKED),
    Row("POST /api/appointments/{appointment_id}/repairs", PLANNERS, BOOKED, OFFER),
    Row("POST /api/appointments/{appointment_id}/repairs", PLANNERS, BOOKED, {"kind": "CANCEL"}),
    Row("POST /api/appointments/{appointment_id}/take-video", "patient", BOOKED),
    Row("POST /api/repairs/{repair_id}/accept", PARTIES, OPEN),
    Row("POST /api/repairs/{repair_id}/decline", "patient", OPEN),
    Row("POST /api/repairs/{repair_id}/withdraw", PLANNERS, OPEN),
    Row("GET /attention", STAFF),
    Row(
        "GET /sessions/{session_id}/repair", STAFF, {"session_id": "session"}, query="date=$session_day", refusal=(200,)
    ),
    Row("GET /attention/all", STAFF, query="kind=VIDEO&" + OF_DOCTOR, refusal=(200,)),
    Row("POST /attention/all", STAFF, body=MEANT, refusal=(200,)),
    Row("POST /appointments/{appointment_id}/repairs", PLANNERS, BOOKED, OFFER, ok=(303,)),
    Row("GET /appointments/{appointment_id}/repair", PARTIES, BOOKED),
    Row("POST /appointments/{appointment_id}/take-video", "patient", BOOKED, {}, ok=(303,)),
    Row("POST /repairs/{repair_id}/accept", PARTIES, OPEN, {}, ok=(303,)),
    Row("POST /repairs/{repair_id}/decline", "patient", OPEN, {}, ok=(303,)),
    Row("POST /repairs/{repair_id}/withdraw", PLANNERS, OPEN, {}, ok=(303,)),
]

ROWS = [*PLANS, *REPAIRS]
