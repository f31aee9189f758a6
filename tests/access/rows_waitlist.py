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

ROWS = [*REFERRALS, *STATUS]
