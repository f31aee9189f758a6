"""Policy rows: calls for help."""

from tests.access.policy import Row

API, PAGE = "/api/emergencies/{emergency_id}", "/emergencies/{emergency_id}"
OPEN, ACCEPTED = {"emergency_id": "open_emergency"}, {"emergency_id": "accepted_emergency"}
CALLED = "some patients of the stage have called already"

ROWS = [
    *(
        # A doctor who is not verified, or not available, is no available doctor.
        Row(f"GET {path}", "DOCTOR", query="topics=emergencies", ok=(200, 303, 403), refusal=(401, 403),
            is_vague="visitors 401, others 403",
            unaudited="a stream carries no data of its own, only names of events")
        for path in ("/live", "/api/live")
    ),
    Row("POST /api/emergencies", "PATIENT", body={"description": "Chest pain"}, ok=(201, 409), is_vague=CALLED),
    Row("GET /api/emergencies", "PATIENT DOCTOR", query="limit=100"),
    Row(f"GET {API}", "patient doctor", OPEN),
    Row(f"GET {API}", "patient doctor", ACCEPTED),
    Row(f"POST {API}/accept", "doctor", OPEN),
    Row(f"POST {API}/resolve", "doctor", ACCEPTED),
    Row(f"POST {API}/cancel", "patient", OPEN),
    Row("GET /emergencies", "PATIENT DOCTOR"),
    Row("POST /emergencies", "PATIENT", body={}, ok=(303,)),
    Row("GET /emergencies/alarm", "DOCTOR"),
    Row(f"GET {PAGE}", "patient doctor", ACCEPTED, ok=(303,)),
    Row(f"POST {PAGE}/accept", "doctor", OPEN, {}, ok=(303,)),
    Row(f"POST {PAGE}/resolve", "doctor", ACCEPTED, {}, ok=(303,)),
    Row(f"POST {PAGE}/cancel", "patient", OPEN, {}, ok=(303,)),
]  # fmt: skip
