"""The screens of prescriptions: whose, their address and a name, as `screens.py` lists them; and what stands for names."""

PATIENT, DOCTOR, VISITOR = "patient@example.com", "doctor@example.com", ""
LISTED = (
    (PATIENT, "/prescriptions", ""),
    (PATIENT, "/prescriptions/{rx}", ""),
    (PATIENT, "/prescriptions/{rx}/send", ""),
    (DOCTOR, "/prescriptions", ""),
    (DOCTOR, "/prescriptions/{rx}", "prescription-doctor"),
    (DOCTOR, "/prescriptions/{rx}/cancel", ""),
    (DOCTOR, "/appointments/{rx_visit}/prescriptions/new", ""),
    (DOCTOR, "/refills", ""),
    (DOCTOR, "/refills/{refill}", ""),
    (DOCTOR, "/pad/templates", ""),
    (VISITOR, "/rx", ""),
    (VISITOR, "/rx/{rx_code}", "rx-genuine"),
    (VISITOR, "/rx?code=ACD34679X", "rx-not-genuine"),
)
# Parts of other pages, and what is no page.
NO_SCREEN = (
    "/pad/medicines", "/prescriptions/{prescription_id:uuid}/pdf", "/appointments/{appointment_id:uuid}/prescriptions",
)  # fmt: skip
PRESCRIBED = """
SELECT p.id AS rx, p.appointment_id AS rx_visit, p.code AS rx_code, r.id AS refill
FROM prescription p JOIN refill_request r ON r.prescription_id = p.id ORDER BY r.requested_at LIMIT 1
"""
