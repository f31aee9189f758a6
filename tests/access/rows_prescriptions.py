"""Policy rows: prescriptions, the pad, requests for more, and what anybody may check."""

from tests.access.policy import Row

API = "/api/prescriptions"
RX = {"prescription_id": "rx"}
ASKED = {"refill_id": "refill"}
SEEN = {"appointment_id": "completed"}
ITEM = {
    "drug_name": "Vitamin", "strength": "5 mg", "form": "tablets", "dose": 1, "dose_unit": "TABLETS",
    "frequency": "ONCE_DAILY", "duration_days": 10, "quantity": 10, "unit": "TABLETS",
}  # fmt: skip
TYPED = {f"items.0.{name}": str(value) for name, value in ITEM.items()}
ORDER = {"appointment_id": "$completed", "items": [ITEM]}
HOLDERS = "patient doctor pharmacist"
CODE = {"code": "=ACD34679X"}
WHOSE_CODE = "a code that is nobody's is answered like any other that is not genuine"

PRESCRIPTIONS = [
    Row(f"POST {API}", "doctor", body=ORDER),
    Row(f"POST {API}/check", "doctor", body=ORDER),
    Row(f"GET {API}/{{prescription_id}}", HOLDERS, RX),
    Row(f"GET {API}/{{prescription_id}}/history", HOLDERS, RX),
    Row(f"GET {API}/{{prescription_id}}/pdf", HOLDERS, RX),
    Row(f"GET {API}/appointment/{{appointment_id}}", HOLDERS, SEEN),
    Row(f"GET {API}/doctor/{{doctor_id}}", HOLDERS, {"doctor_id": "doctor"}),
    Row(f"GET {API}/patient/{{patient_id}}", HOLDERS, {"patient_id": "patient"}),
    Row(f"PUT {API}/{{prescription_id}}", "doctor", RX, {"status": "CANCELLED", "reason": "Because"}),
    Row(f"DELETE {API}/{{prescription_id}}", "doctor", RX),
    Row(f"POST {API}/{{prescription_id}}/send", "patient", RX, {"pharmacy_id": "$pharmacy"},
        unaudited="it is there already"),
    Row("GET /prescriptions", "PATIENT DOCTOR"),
    Row("GET /appointments/{appointment_id}/prescriptions", "patient doctor", SEEN),
    Row("GET /prescriptions/{prescription_id}", "patient doctor", RX),
    Row("GET /prescriptions/{prescription_id}/pdf", "patient doctor", RX),
    Row("GET /prescriptions/{prescription_id}/send", "patient", RX),
    Row("POST /prescriptions/{prescription_id}/send", "patient", RX, {"pharmacy_id": "$pharmacy"}, ok=(303,),
        unaudited="it is there already"),
    Row("GET /prescriptions/{prescription_id}/cancel", "doctor", RX),
    Row("POST /prescriptions/{prescription_id}/cancel", "doctor", RX, {"reason": "Because"}, ok=(303,)),
]  # fmt: skip

CHECKING = [
    Row("GET /rx", "public", query="code=ACD34679X"),
    Row("GET /rx/{code}", "public", CODE, is_vague=WHOSE_CODE),
    Row("GET /api/rx/{code}", "public", CODE, is_vague=WHOSE_CODE),
    Row("GET /.well-known/prescription-keys.json", "public"),
]

REFILLS = [
    Row(f"POST {API}/{{prescription_id}}/refill-requests", "patient", RX, {"note": "More"}),
    Row("POST /prescriptions/{prescription_id}/refill-requests", "patient", RX, {"note": "More"}, ok=(303,)),
    Row("GET /api/refill-requests", "PATIENT DOCTOR"),
    Row("GET /api/refill-requests/{refill_id}", "patient doctor", ASKED),
    Row("POST /api/refill-requests/{refill_id}/approve", "doctor", ASKED, {"answer": "Yes"}, ok=(201,)),
    Row("POST /api/refill-requests/{refill_id}/decline", "doctor", ASKED, {"answer": "No"}),
    Row("GET /refills", "DOCTOR"),
    Row("GET /refills/{refill_id}", "doctor", ASKED),
    Row("POST /refills/{refill_id}/approve", "doctor", ASKED, {"answer": "Yes"}, ok=(303,)),
    Row("POST /refills/{refill_id}/decline", "doctor", ASKED, {"answer": "No"}, ok=(303,)),
]

PAD = [
    Row("GET /appointments/{appointment_id}/prescriptions/new", "doctor", SEEN),
    Row("POST /appointments/{appointment_id}/prescriptions/new", "doctor", SEEN, {**TYPED, "step": "issue"}, ok=(303,)),
    Row("GET /pad/medicines", "DOCTOR", query="q=shared&line=0"),
    Row("GET /pad/templates", "DOCTOR"),
    Row("POST /pad/templates/{template_id}/forget", "doctor", {"template_id": "template"}, {}, ok=(303,)),
    Row("GET /api/prescription-templates", "DOCTOR"),
    Row("POST /api/prescription-templates", "DOCTOR", body={"name": "Often", "items": [ITEM]}),
    Row("DELETE /api/prescription-templates/{template_id}", "doctor", {"template_id": "template"}),
]

ROWS = [*PRESCRIPTIONS, *CHECKING, *REFILLS, *PAD]
