"""Policy rows: slots and appointments."""

from tests.access.policy import Row

NEW_SLOT = {"date": "$day", "start": "15:00", "minutes": 20, "clinic_id": "$clinic", "service_type": "BOTH"}
MANY_SLOTS = {"dates": ["$day"], "start": "15:00", "end": "16:00", "minutes": 20, "clinic_id": "$clinic",
              "service_type": "IN_PERSON"}  # fmt: skip
VISIT = {"slot_id": "$open_slot", "appointment_type": "IN_PERSON"}
PLACE = {"session_id": "$session", "date": "$session_day", "appointment_type": "IN_PERSON"}
ONE = "/api/appointments/{appointment_id}"
PAGE = "/appointments/{appointment_id}"
PARTIES = "patient doctor admin"
AGAIN = "asking again for a hold changes nothing"
PUBLIC_DOCTORS = "doctors are public, so it may be said that one does not work there"

SLOTS = [
    Row("GET /doctors/{doctor_id}", "public", {"doctor_id": "doctor"}),
    Row("GET /slots/{slot_id}/hold", "PATIENT", {"slot_id": "open_slot"}),
    Row("POST /slots/{slot_id}/hold", "PATIENT", {"slot_id": "open_slot"}, {}, ok=(303,)),
    Row("POST /slots/{slot_id}/hold", "patient", {"slot_id": "held_slot"}, {}, ok=(303,), refusal=(404, 409),
        is_vague="taken", unaudited=AGAIN),
    Row("POST /slots/{slot_id}/release", "PATIENT", {"slot_id": "held_slot"}, {}, ok=(303,)),
    Row("GET /api/doctors/{doctor_id}/slots", "public", {"doctor_id": "doctor"}),
    *(
        Row(f"POST /api/doctors/{{doctor_id}}/slots{path}", "doctor admin", {"doctor_id": "doctor"}, body,
            refusal=(404, 422), is_vague=PUBLIC_DOCTORS)
        for path, body in (("", NEW_SLOT), ("/bulk", MANY_SLOTS), ("/bulk/preview", MANY_SLOTS))
    ),
    Row("POST /api/slots/{slot_id}/hold", "PATIENT", {"slot_id": "open_slot"}),
    Row("POST /api/slots/{slot_id}/hold", "patient", {"slot_id": "held_slot"}, refusal=(404, 409), is_vague="taken",
        unaudited=AGAIN),
    Row("DELETE /api/slots/{slot_id}/hold", "patient", {"slot_id": "held_slot"}),
    Row("PATCH /api/slots/{slot_id}", "doctor admin", {"slot_id": "open_slot"}, {"disabled": True}),
    Row("PATCH /api/slots/{slot_id}", "doctor admin", {"slot_id": "disabled_slot"}, {"disabled": False}),
    Row("DELETE /api/slots/{slot_id}", "doctor admin", {"slot_id": "open_slot"}),
    Row("POST /slots/{slot_id}/close", "doctor admin", {"slot_id": "open_slot"}, {}, ok=(303,)),
    Row("POST /slots/{slot_id}/open", "doctor admin", {"slot_id": "disabled_slot"}, {}, ok=(303,)),
    Row("POST /slots/{slot_id}/remove", "doctor admin", {"slot_id": "open_slot"}, {}, ok=(303,)),
    Row("GET /schedule/times", "DOCTOR", query="date=$day"),
    Row("GET /schedule/times/new", "DOCTOR"),
    Row("POST /schedule/times/new", "works", body=MANY_SLOTS | {"confirmed": "true"}, ok=(303,), refusal=(404, 422),
        is_vague=PUBLIC_DOCTORS),
    *(
        Row(f"{call.format('/clinic/doctors/{doctor_id}/schedule/times')}", "doctor admin", {"doctor_id": "doctor"}, body, query,
            refusal=(404, 422), is_vague=PUBLIC_DOCTORS)
        for call, body, query in (
            ("GET {}", None, "date=$day"), ("GET {}/new", None, ""), ("POST {}/new", MANY_SLOTS | {"confirmed": "true"}, ""),
        )
    ),
]  # fmt: skip

BOOKING = [
    Row("POST /api/appointments", "PATIENT", body=VISIT, refusal=(404, 422)),  # who books for another says for whom
    Row("POST /api/appointments", "PATIENT", body=PLACE, refusal=(404, 422)),
    Row("POST /api/appointments", PARTIES, body=VISIT | {"patient_id": "$patient"}, forbidden="PATIENT"),
    Row(f"POST {ONE}/reschedule", PARTIES, {"appointment_id": "booked"}, {"slot_id": "$open_slot"}),
    Row(f"GET {PAGE}/reschedule", PARTIES, {"appointment_id": "booked"}),
    Row(f"POST {PAGE}/reschedule", PARTIES, {"appointment_id": "booked"}, {"slot_id": "$open_slot"}, ok=(303,)),
    Row("GET /slots/{slot_id}/book", "PATIENT", {"slot_id": "open_slot"}),
    Row("POST /slots/{slot_id}/book", "PATIENT", {"slot_id": "open_slot"}, {"appointment_type": "IN_PERSON"}, ok=(303,)),
    Row("POST /slots/{slot_id}/book", "patient", {"slot_id": "held_slot"}, {"appointment_type": "IN_PERSON"},
        ok=(303,), refusal=(404, 409), is_vague="taken"),
    Row("GET /sessions/{session_id}/join", "PATIENT", {"session_id": "session"}, query="date=$session_day"),
    Row("POST /sessions/{session_id}/join", "PATIENT", {"session_id": "session"},
        {"date": "$session_day", "appointment_type": "IN_PERSON"}, ok=(303,)),
]  # fmt: skip

APPOINTMENTS = [
    Row("GET /api/appointments", "CLINIC_ADMIN DOCTOR PATIENT SYSTEM_ADMIN", query="limit=100"),
    Row(
        "GET /api/appointments",
        "CLINIC_ADMIN DOCTOR PATIENT SYSTEM_ADMIN",
        query="patient_id=$patient&limit=100",
        refusal=(200,),
    ),
    Row(f"GET {ONE}", PARTIES + " system", {"appointment_id": "booked"}),
    Row(f"GET {ONE}", PARTIES + " system", {"appointment_id": "completed"}),
    Row(f"GET {ONE}/history", PARTIES + " system", {"appointment_id": "completed"}),
    Row(f"POST {ONE}/confirm", PARTIES, {"appointment_id": "booked"}),
    Row(f"POST {ONE}/check-in", PARTIES, {"appointment_id": "video"}),  # which begins in a few minutes
    Row(f"POST {ONE}/start", "doctor", {"appointment_id": "checked_in"}),
    Row(f"POST {ONE}/complete", "doctor", {"appointment_id": "in_progress"}, {"doctor_notes": "All is well"}),
    Row(f"POST {ONE}/no-show", "doctor admin", {"appointment_id": "booked"}),
    Row(f"POST {ONE}/cancel", PARTIES, {"appointment_id": "booked"}, {"reason": "A reason"}),
    Row("GET /home", "everyone", ok=(200, 303)),
    Row("GET /appointments", "CLINIC_ADMIN DOCTOR PATIENT"),
    Row("GET /appointments", "CLINIC_ADMIN DOCTOR PATIENT", query="view=past"),
    Row(f"GET {PAGE}", PARTIES, {"appointment_id": "completed"}),
    Row(f"GET {PAGE}/calendar.ics", PARTIES, {"appointment_id": "booked"}),
    Row(f"GET {PAGE}/cancel", PARTIES, {"appointment_id": "booked"}),
    Row(f"POST {PAGE}/cancel", PARTIES, {"appointment_id": "booked"}, {"reason": "A reason"}, ok=(303,)),
    Row(f"POST {PAGE}/confirm", PARTIES, {"appointment_id": "booked"}, {"next": "/appointments"}, ok=(303,)),
    Row(f"POST {PAGE}/check-in", PARTIES, {"appointment_id": "video"}, {"next": "/appointments"}, ok=(303,)),
    Row(f"POST {PAGE}/start", "doctor", {"appointment_id": "checked_in"}, {"next": "/today"}, ok=(303,)),
    Row(f"POST {PAGE}/complete", "doctor", {"appointment_id": "in_progress"}, {"next": "/today"}, ok=(303,)),
    Row(f"POST {PAGE}/no-show", "doctor admin", {"appointment_id": "booked"}, {"next": "/today"}, ok=(303,)),
    Row("GET /today", "DOCTOR", query="date=$day"),
    Row("GET /clinic/appointments", "CLINIC_ADMIN", query="date=$day"),
    Row("GET /clinic/appointments", "CLINIC_ADMIN", query="date=$day&doctor_id=$doctor", refusal=(200,)),
]

ROWS = [*SLOTS, *BOOKING, *APPOINTMENTS]
