"""Policy rows: the pharmacy's counter, and what was given out."""

from tests.access.policy import Row

ONE = "/api/prescriptions/{prescription_id}"
PAGE = "/counter/{prescription_id}"
GIVEN = "/counter/dispenses/{dispense_id}"
PAPER, DISPENSE, BATCH = {"prescription_id": "paper"}, {"dispense_id": "dispense"}, {"batch_id": "counter_batch"}
OPENING = {"code": "$unsent_code", "date_of_birth": "1980-02-29"}
WANTED = {"items": [{"prescription_item_id": "$paper_item", "quantity": 1}], "identity_checked": True}
FORM = {"items.0.prescription_item_id": "$paper_item", "items.0.quantity": "1", "identity_checked": "true"}

ROWS = [
    Row("GET /api/prescriptions/active", "PHARMACY"),
    Row("POST /api/prescriptions/open", "PHARMACY", body=OPENING),  # whoever knows both was given the paper
    Row(f"GET {ONE}/counter", "pharmacist", PAPER),
    Row(f"POST {ONE}/dispense", "pharmacist", PAPER, WANTED),
    Row(f"GET {ONE}/dispenses", "patient doctor pharmacist", PAPER),
    Row("GET /api/dispenses", "PHARMACY"),
    Row("GET /api/dispenses/{dispense_id}", "pharmacist", DISPENSE),
    Row("POST /api/dispenses/{dispense_id}/undo", "pharmacist", DISPENSE),
    Row("GET /api/inventory/batches/{batch_id}/receivers", "pharmacist", BATCH),
    Row("GET /counter", "PHARMACY"),
    Row("POST /counter/open", "PHARMACY", body=OPENING, ok=(303,)),
    Row(f"GET {PAGE}", "pharmacist", PAPER),
    Row(f"POST {PAGE}/dispense", "pharmacist", PAPER, FORM, ok=(303,)),
    Row("GET /counter/dispenses", "PHARMACY"),
    Row(f"GET {GIVEN}", "pharmacist", DISPENSE),
    Row(f"GET {GIVEN}/labels", "pharmacist", DISPENSE),
    Row(f"GET {GIVEN}/receipt", "pharmacist", DISPENSE),
    Row(f"POST {GIVEN}/undo", "pharmacist", DISPENSE, {}, ok=(303,)),
    Row("GET /prescriptions/{prescription_id}/fills", "patient doctor", PAPER),
    Row("GET /counter/batches/{batch_id}", "pharmacist", BATCH),
]
