"""Policy rows: queues, the front desk, and the screens of waiting rooms."""

from tests.access.policy import Row

STAFF = "CLINIC_ADMIN DOCTOR"
QUEUE = "/sessions/{session_id}/queue"
SESSION = {"session_id": "queue_session"}
DAY = {"date": "$queue_day"}
NEW = {"first_name": "Nia", "last_name": "New"}
WALL = {"token": "wall_token"}

PAGES = [
    Row("GET /clinic/desk", "CLINIC_ADMIN"),
    Row("GET /clinic/desk", "admin", query="clinic=$clinic&q=zq"),
    Row("GET /walk-in", STAFF),
    Row("GET /walk-in", STAFF, query="session_id=$queue_session&q=zq", refusal=(200,)),
    Row("POST /walk-in", "doctor admin", body=NEW | {"session_id": "$queue_session"}, ok=(303,)),
    Row(f"POST {QUEUE}/call-next", "doctor admin", SESSION, DAY, ok=(303,)),
    Row(f"POST {QUEUE}/delay", "doctor admin", SESSION, DAY | {"delay_minutes": 10}, ok=(303,)),
    Row("POST /appointments/{appointment_id}/missed-call", "doctor admin", {"appointment_id": "called"}, {}, ok=(303,)),
    Row("GET /appointments/{appointment_id}/wait", "patient", {"appointment_id": "queued"}, query="travel=30"),
    Row("GET /today", "DOCTOR", query="date=$queue_day", refusal=(200,)),
]

SEARCH = [Row("GET /api/patients", STAFF, query="q=zq")]

WALLS = [
    Row("GET /wall/{token}", "public", WALL),
    Row("GET /api/wall/{token}", "public", WALL),
    Row("GET /clinic/walls", "CLINIC_ADMIN"),
    Row("GET /clinic/walls", "admin", query="clinic=$clinic"),
    Row("POST /clinic/walls", "admin", body={"clinic_id": "$clinic", "name": "Hall"}),
    Row("POST /clinic/walls/{wall_id}/revoke", "admin", {"wall_id": "wall"}, {}, ok=(303,)),
    Row("GET /api/clinics/{clinic_id}/walls", "admin", {"clinic_id": "clinic"}),
    Row("POST /api/clinics/{clinic_id}/walls", "admin", {"clinic_id": "clinic"}, {"name": "Hall"}),
    Row("DELETE /api/walls/{wall_id}", "admin", {"wall_id": "wall"}),
]

ROWS = [*PAGES, *SEARCH, *WALLS]
