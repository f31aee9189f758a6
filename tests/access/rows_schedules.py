"""Policy rows: weekly sessions and their exceptions."""

from tests.access.policy import Row

TERMS = {
    "day_of_week": "$weekday", "session_start_time": "14:00", "session_end_time": "17:00", "service_type": "BOTH",
    "max_queue_size": 10, "estimated_consultation_minutes": 15, "effective_from": "$day", "clinic_id": "$clinic",
}  # fmt: skip
NEW_TERMS = TERMS | {"session_start_time": "18:00", "session_end_time": "20:00"}
EXCEPTION = {"date": "$next_session_day", "kind": "CANCELLED", "reason": "Away"}
CONFIRMED = {"confirmed": "true"}
PLANNERS = "doctor admin"
ONE = {"session_id": "spare_session"}

API = [
    Row("POST /api/sessions", PLANNERS, body=NEW_TERMS | {"doctor_id": "$doctor"}, refusal=(404, 422),
        is_vague="doctors are public, so it may be said that one does not work there"),
    Row("GET /api/sessions", "everyone", query="doctor_id=$doctor", refusal=(200, 404), is_vague="no doctor, no sessions"),
    Row("GET /api/sessions/{session_id}", "everyone", ONE),
    Row("PUT /api/sessions/{session_id}", PLANNERS, ONE, TERMS),
    Row("DELETE /api/sessions/{session_id}", PLANNERS, ONE),
    Row("GET /api/sessions/{session_id}/overrides", PLANNERS, ONE),
    Row("POST /api/sessions/{session_id}/overrides", PLANNERS, ONE, EXCEPTION),
    Row("DELETE /api/sessions/{session_id}/overrides/{override_id}", PLANNERS, ONE | {"override_id": "override"}),
    Row("DELETE /api/sessions/{session_id}/overrides/{override_id}", "nobody",
        {"session_id": "session", "override_id": "override"}),
]  # fmt: skip


def screens(base: str, may: str, doctor: dict[str, str]) -> list[Row]:
    """The schedule of the doctor, and the same for a clinic's admin."""
    one = f"{base}/sessions/{{session_id}}"
    return [
        Row(f"GET {base}/sessions/{{session_id}}", may, doctor | ONE),
        Row(f"POST {one}", may, doctor | ONE, TERMS),
        Row(f"POST {one}", may, doctor | ONE, TERMS | CONFIRMED, ok=(303,)),
        Row(f"GET {one}/end", may, doctor | ONE),
        Row(f"POST {one}/end", may, doctor | ONE, {}, ok=(303,)),
        Row(f"GET {one}/exceptions/new", may, doctor | ONE),
        Row(f"POST {one}/exceptions/new", may, doctor | ONE, EXCEPTION | CONFIRMED, ok=(303,)),
        Row(
            f"POST {one}/exceptions/{{override_id}}/remove",
            may,
            doctor | ONE | {"override_id": "override"},
            {},
            ok=(303,),
        ),
    ]


ADMIN = "/clinic/doctors/{doctor_id}/schedule"
PAGES = [
    Row("GET /schedule", "DOCTOR"),
    Row("GET /schedule/sessions/new", "DOCTOR"),
    Row("POST /schedule/sessions/new", "works", body=NEW_TERMS, refusal=(404, 422), is_vague="not a place of theirs"),
    Row("POST /schedule/sessions/new", "works", body=NEW_TERMS | CONFIRMED, ok=(303,), refusal=(404, 422),
        is_vague="not a place of theirs"),
    *screens("/schedule", "doctor", {}),
    Row(f"GET {ADMIN}", PLANNERS, {"doctor_id": "doctor"}),
    Row(f"GET {ADMIN}/sessions/new", PLANNERS, {"doctor_id": "doctor"}),
    Row(f"POST {ADMIN}/sessions/new", PLANNERS, {"doctor_id": "doctor"}, NEW_TERMS | CONFIRMED, ok=(303,)),
    *screens(ADMIN, PLANNERS, {"doctor_id": "doctor"}),
]  # fmt: skip

ROWS = [*API, *PAGES]
