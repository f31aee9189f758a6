"""Policy rows: video visits, as JSON and for the scripts and forms of pages."""

from typing import Any

from tests.access.policy import Row

SOON, CALL = {"session_id": "video_session"}, {"session_id": "call"}
TOLD: dict[str, Any] = {
    "refusal": (403, 404),
    "is_vague": "under /api/video/ strangers get 403, for what does not exist 404",
}
SIGN = "a sign of a page in a room that its login has joined, which is audited; without content"
NEW = {
    "booking_type": "DIRECT_DOCTOR", "doctor_id": "$doctor", "patient_id": "$patient", "clinic_id": "$clinic",
    "scheduled_start_time": "$free_start", "consultation_duration_minutes": 30,
}  # fmt: skip
SIGNAL = {"type": "ice-candidate", "data": {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0"}}
FORM_SIGNAL = {
    "type": "ice-candidate",
    "data.candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host",
    "data.sdpMid": "0",
}
THE_TWO = "patient doctor"
PLANNERS = "patient doctor admin system"
API, PAGE = "/api/video/sessions/{session_id}", "/video/sessions/{session_id}"
REASON = {"cancellation_reason": "A reason"}

SESSIONS = [
    Row("POST /api/video/sessions", PLANNERS, body=NEW, **TOLD),
    Row("GET /api/video/sessions", "PATIENT DOCTOR SYSTEM_ADMIN", query="limit=100"),
    Row(f"GET {API}", "patient doctor system", SOON, **TOLD),
    Row(f"GET {API}", "patient doctor system", CALL, **TOLD),
    Row(f"GET {API}/events", "patient doctor system", SOON, **TOLD),
    Row("GET /api/video/sessions/history/{user_id}", "patient system", {"user_id": "patient"}, **TOLD),
    Row("GET /api/video/doctors/{doctor_id}/availability", "public", {"doctor_id": "doctor"}, query="date=$day"),
    Row("POST /video/sessions", PLANNERS, body=NEW, **TOLD),
    Row(f"GET {PAGE}", THE_TWO, SOON, **TOLD),
    Row(f"GET {PAGE}/end", "doctor", CALL, **TOLD),
    Row("GET /video/rejoin", "PATIENT DOCTOR", unaudited="that somebody waits, on every page; without content"),
]

ROOM = [
    Row(f"POST {API}/join", THE_TWO, SOON, {"device_type": "phone"}, **TOLD),
    Row(f"POST {API}/join", THE_TWO, CALL, **TOLD),
    Row(f"POST {API}/leave", THE_TWO, CALL, **TOLD),
    Row(f"POST {API}/end", "doctor", CALL, {"connection_quality_rating": 5}, **TOLD),
    Row(f"POST {API}/cancel", PLANNERS, SOON, REASON, **TOLD),
    Row(f"PUT {API}/notes", "doctor", CALL, {"session_notes": "All is well"}, **TOLD),
    Row(f"GET {API}/room", THE_TWO, CALL, unaudited=SIGN, **TOLD),
    Row(f"POST {API}/presence", THE_TWO, CALL, {"quality": "GOOD"}, unaudited=SIGN, **TOLD),
    Row(f"POST {API}/signals", THE_TWO, CALL, SIGNAL, unaudited=SIGN, **TOLD),
    Row(f"GET {API}/signals", THE_TWO, CALL, unaudited=SIGN, **TOLD),
    Row(f"POST {PAGE}/join", THE_TWO, SOON, {"device_type": "phone"}, **TOLD),
    Row(f"POST {PAGE}/leave", THE_TWO, CALL, {}, ok=(303,), **TOLD),
    Row(f"POST {PAGE}/end", "doctor", CALL, {"connection_quality_rating": "5"}, ok=(303,), **TOLD),
    Row(f"POST {PAGE}/cancel", PLANNERS, SOON, REASON, ok=(303,), **TOLD),
    Row(f"POST {PAGE}/notes", "doctor", CALL, {"session_notes": "All is well"}, ok=(303,), **TOLD),
    Row(f"GET {PAGE}/room", THE_TWO, CALL, unaudited=SIGN, **TOLD),
    Row(f"POST {PAGE}/presence", THE_TWO, CALL, {"quality": "GOOD"}, unaudited=SIGN, **TOLD),
    Row(f"POST {PAGE}/signals", THE_TWO, CALL, FORM_SIGNAL, unaudited=SIGN, **TOLD),
    Row(f"GET {PAGE}/signals", THE_TWO, CALL, unaudited=SIGN, **TOLD),
]  # fmt: skip

ROWS = [*SESSIONS, *ROOM]
