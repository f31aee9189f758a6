"""Policy rows: referrals, follow-ups, the doctor's status, booking by staff, the first doctor who is free, waitlists."""

from tests.access.policy import Row

ONE = "/api/appointments/{appointment_id}"
PAGE = "/appointments/{appointment_id}"
SEEN = {"appointment_id": "completed"}
TO = {"doctor_id": "$free_doctor", "slot_id": "$free_doctor_slot", "note": "A note"}

REFERRALS = [
    Row(f"GET {ONE}/referrals", "patient doctor admin system", SEEN),
    Row(f"POST {ONE}/refer", "doctor", SEEN, TO),
    Row(f"POST {ONE}/follow-up", "doctor", SEEN, {"slot_id": "$open_slot"}),
    Row(f"POST {ONE}/follow-up", "doctor", SEEN, {"weeks": 1}, ok=(200,), unaudited="times are public"),
    Row(f"GET {PAGE}/refer", "doctor", SEEN, query="specialty_id=$specialty&doctor_id=$free_doctor"),
    Row(f"POST {PAGE}/refer", "doctor", SEEN, TO, query="specialty_id=$specialty", ok=(303,)),
    Row(f"GET {PAGE}/follow-up", "doctor", SEEN, query="weeks=1"),
    Row(f"POST {PAGE}/follow-up", "doctor", SEEN, {"slot_id": "$open_slot"}, ok=(303,)),
]  # fmt: skip

STATUS = [Row("GET /availability", "DOCTOR", query="back=/today")]

WISH = {"doctor_id": "$free_doctor", "from": "$day", "to": "$session_day", "service_type": "BOTH"}
OFFER = "/waitlist/offers/{offer_id}"

WAITLIST = [
    Row("GET /api/waitlist", "PATIENT"),
    Row("POST /api/waitlist", "PATIENT", body=WISH),
    Row("DELETE /api/waitlist/{entry_id}", "patient", {"entry_id": "wish"}),
    Row("GET /waitlist", "PATIENT"),
    Row("GET /waitlist/new", "PATIENT", query="doctor_id=$free_doctor"),
    Row("POST /waitlist/new", "PATIENT", body=WISH, ok=(303,)),
    Row("POST /waitlist/{entry_id}/leave", "patient", {"entry_id": "wish"}, {}, ok=(303,)),
    Row(f"GET /api{OFFER}", "patient", {"offer_id": "offer"}),
    Row(f"POST /api{OFFER}/accept", "patient", {"offer_id": "offer"}, {"appointment_type": "VIRTUAL"}),
    Row(f"POST /api{OFFER}/decline", "patient", {"offer_id": "offer"}),
    Row(f"GET {OFFER}", "patient", {"offer_id": "offer"}),
    Row(f"POST {OFFER}/accept", "patient", {"offer_id": "offer"}, {"appointment_type": "VIRTUAL"}, ok=(303,)),
    Row(f"POST {OFFER}/decline", "patient", {"offer_id": "offer"}, {}, ok=(303,)),
]  # fmt: skip

DESK = {"patient_id": "$patient", "slot_id": "$open_slot", "appointment_type": "IN_PERSON"}

BOOKING = [
    Row("GET /api/first-available", "PATIENT"),
    Row("GET /first-available", "PATIENT"),
    Row("POST /first-available", "PATIENT", body={"specialty_id": "$specialty"}, ok=(409,)),  # nobody is free
    Row("GET /book", "DOCTOR CLINIC_ADMIN", query="q=zq"),
    Row("POST /book", "doctor admin", body=DESK, ok=(303,)),
]  # fmt: skip

ROWS = [*REFERRALS, *STATUS, *WAITLIST, *BOOKING]
