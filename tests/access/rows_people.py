"""Policy rows: doctors, profiles, clinics, specialties and pharmacies."""

from tests.access.policy import Row

DOCTOR_CHANGE = {"bio": "A new text"}
NEW_DOCTOR = {"clinic_id": "$clinic", "email": "invited@test.example", "first_name": "In", "last_name": "Vited"}
PLACE = {"name": "A new place", "time_zone": "Europe/Berlin", "city": "Berlin", "country": "DE"}

PEOPLE = [
    Row("GET /api/profiles/{user_id}", "patient doctor admin system", {"user_id": "patient"}),
    Row("GET /api/profiles/{user_id}", "doctor system", {"user_id": "doctor"}),
    Row("GET /api/profiles/{user_id}", "pharmacist system", {"user_id": "pharmacist"}),
    Row("PUT /api/profiles/{user_id}", "patient doctor admin system", {"user_id": "patient"}, {"address": "New 1"}),
    Row("PUT /api/profiles/{user_id}", "doctor system", {"user_id": "doctor"}, DOCTOR_CHANGE),
    Row("PUT /api/profiles/{user_id}", "pharmacist system", {"user_id": "pharmacist"}, {"first_name": "New"}),
    Row("POST /api/doctors", "admin system", body=NEW_DOCTOR),
    Row("GET /api/doctors", "public", query="limit=100"),
    Row("GET /api/doctors/available", "everyone"),
    Row("GET /api/doctors/{doctor_id}", "public", {"doctor_id": "doctor"}),
    Row("PATCH /api/doctors/{doctor_id}", "doctor admin", {"doctor_id": "doctor"}, DOCTOR_CHANGE),
    Row("PUT /api/doctors/{doctor_id}/availability-status", "doctor", {"doctor_id": "doctor"}, {"status": "AVAILABLE"}),
]

OWN_LOG = "who looked at one's own record: asking leaves no further row"
RECORDS = [
    Row("GET /api/patients/{patient_id}", "patient doctor admin system", {"patient_id": "patient"}),
    Row("PATCH /api/patients/{patient_id}", "patient doctor admin system", {"patient_id": "patient"},
        {"medical_history": "Nothing new"}),
    Row("GET /api/me/access-log", "everyone", unaudited=OWN_LOG),
]  # fmt: skip

SPECIALTIES = [
    Row("GET /api/specialties", "public"),
    Row("POST /api/specialties", "CLINIC_ADMIN SYSTEM_ADMIN", body={"name": "Something new"}),
    Row(
        "PATCH /api/specialties/{specialty_id}",
        "CLINIC_ADMIN SYSTEM_ADMIN",
        {"specialty_id": "specialty"},
        {"name": "Other"},
    ),
    Row("DELETE /api/specialties/{specialty_id}", "CLINIC_ADMIN SYSTEM_ADMIN", {"specialty_id": "spare"}),
    Row("GET /specialties", "CLINIC_ADMIN SYSTEM_ADMIN"),
    Row("POST /specialties", "CLINIC_ADMIN SYSTEM_ADMIN", body={"name": "Something new"}, ok=(303,)),
    Row("GET /specialties/{specialty_id}", "CLINIC_ADMIN SYSTEM_ADMIN", {"specialty_id": "specialty"}),
    Row(
        "POST /specialties/{specialty_id}",
        "CLINIC_ADMIN SYSTEM_ADMIN",
        {"specialty_id": "specialty"},
        {"name": "Other"},
        ok=(303,),
    ),
    Row("POST /specialties/{specialty_id}/delete", "CLINIC_ADMIN SYSTEM_ADMIN", {"specialty_id": "spare"}, ok=(303,)),
]

CLINICS = [
    Row("GET /api/clinics", "public"),
    Row("POST /api/clinics", "CLINIC_ADMIN SYSTEM_ADMIN", body=PLACE),
    Row("GET /api/clinics/{clinic_id}", "public", {"clinic_id": "clinic"}),
    Row("PATCH /api/clinics/{clinic_id}", "admin system", {"clinic_id": "clinic"}, {"city": "Bonn"}),
    Row(
        "POST /api/clinics/{clinic_id}/doctors", "admin system", {"clinic_id": "clinic"}, {"doctor_id": "$free_doctor"}
    ),
]

PHARMACIES = [
    Row("GET /api/pharmacies", "public"),
    Row("POST /api/pharmacies", "SYSTEM_ADMIN", body=PLACE, refusal=(409,)),  # each pharmacist has one already
    Row("GET /api/pharmacies/{pharmacy_id}", "public", {"pharmacy_id": "pharmacy"}),
    Row("PATCH /api/pharmacies/{pharmacy_id}", "pharmacist system", {"pharmacy_id": "pharmacy"}, {"city": "Bonn"}),
]

CLINIC_FORM = PLACE | {"currency": "EUR"}
DOCTOR_FORM = {"clinic_id": "$clinic", "email": "invited@test.example", "first_name": "In", "last_name": "Vited"}
OWN_PRACTICE = {"consultation_fee": "50.00", "currency": "EUR", "languages": "en, de"}
CLINIC_PAGES = [
    Row("GET /clinics/{clinic_id}", "public", {"clinic_id": "clinic"}),
    Row(
        "POST /clinics/{clinic_id}/doctors", "admin", {"clinic_id": "clinic"}, {"doctor_id": "$free_doctor"}, ok=(303,)
    ),
    Row("GET /clinic", "CLINIC_ADMIN"),
    Row("GET /clinic/doctors", "admin", query="clinic=$clinic"),
    Row("POST /clinic/doctors/invite", "admin", body=DOCTOR_FORM, ok=(303,)),
    Row("GET /clinic/settings", "admin", query="clinic=$clinic"),
    Row("POST /clinic/settings/{clinic_id}", "admin", {"clinic_id": "clinic"}, CLINIC_FORM, ok=(303,)),
    Row("GET /clinic/new", "CLINIC_ADMIN SYSTEM_ADMIN"),
    Row("POST /clinic/new", "CLINIC_ADMIN SYSTEM_ADMIN", body=CLINIC_FORM, ok=(303,)),
]

PHARMACY_PAGES = [
    Row("GET /pharmacy", "PHARMACY"),
    Row("GET /pharmacy/settings", "PHARMACY"),
    Row("POST /pharmacy/settings", "PHARMACY", body=PLACE, ok=(303,)),
    Row("GET /pharmacy/new", "PHARMACY SYSTEM_ADMIN"),
    Row("POST /pharmacy/new", "SYSTEM_ADMIN", body=PLACE, ok=(303,), refusal=(409,)),  # each pharmacist has one already
]

RECORD_PAGES = [
    Row("GET /record", "PATIENT"),
    Row("GET /patients/{patient_id}", "patient doctor admin system", {"patient_id": "patient"}),
    Row("GET /record/access", "PATIENT", unaudited=OWN_LOG),
    Row("GET /record/history", "PATIENT"),
    Row("POST /record/history", "PATIENT", body={"version": 1, "medical_history": "Nothing new"}, ok=(303,)),
    Row("GET /record/{section}/new", "PATIENT", {"section": "=allergies"}),
    Row("POST /record/{section}", "PATIENT", {"section": "=allergies"},
        {"version": 1, "substance": "Penicillin", "severity": "MILD"}, ok=(303,)),
    Row("POST /record/{section}", "PATIENT", {"section": "=conditions"}, {"version": 1, "name": "Asthma"}, ok=(303,)),
    Row("POST /record/{section}", "PATIENT", {"section": "=emergency-contacts"},
        {"version": 1, "name": "Sam", "phone_number": "+14155550123"}, ok=(303,)),
    Row("POST /record/{section}/remove", "PATIENT", {"section": "=allergies"}, {"version": 1, "entry": 0}, ok=(303,)),
    Row("POST /record/favourites", "PATIENT", body={"doctor_id": "$doctor"}, ok=(303,), refusal=(404, 422)),
]  # fmt: skip

PEOPLE_PAGES = [
    Row("GET /", "public"),
    Row("GET /doctors", "public", query="q=zq-"),
    Row("GET /doctors", "public"),
    Row("GET /settings/practice", "DOCTOR"),
    Row("POST /settings/practice", "DOCTOR", body=OWN_PRACTICE, ok=(303,)),
    Row("POST /settings/availability", "DOCTOR", body={"status": "AVAILABLE"}, ok=(303,)),
]

ROWS = [
    *PEOPLE, *PEOPLE_PAGES, *RECORDS, *RECORD_PAGES, *SPECIALTIES, *CLINICS, *CLINIC_PAGES, *PHARMACIES, *PHARMACY_PAGES,
]  # fmt: skip
