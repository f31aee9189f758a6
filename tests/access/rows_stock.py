"""Policy rows: the catalogue, stock and its ledger, counting, files, recalls."""

from tests.access.policy import Row

KEEPERS = "PHARMACY CLINIC_ADMIN"
API = "/api/inventory"
ITEM = {"item_id": "stock_item"}
HERE = {"location_id": "$pharmacy"}
AT = {"item_id": "$stock_item", "location_id": "$pharmacy"}
RECEIPT = AT | {
    "batch_number": "N-1",
    "expiry_date": "$session_day",
    "quantity": 5,
    "cost_price": 1,
    "selling_price": 2,
}
MOVE = AT | {"quantity": 1, "reason": "Because"}
NAMED = MOVE | {"batch_id": "$pharmacy_batch"}
ELSEWHERE = MOVE | {"location_id": "$clinic", "to_location_id": "$second_clinic"}
LINE = {"batch_id": "$pharmacy_batch", "expected": 40, "counted": 39}
LINES = {"lines.0.batch_id": "$pharmacy_batch", "lines.0.expected": "40", "lines.0.counted": "39"}
TABLE = "name,batch_number,expiry_date,quantity,unit_type\r\nPaste,P-1,$session_day,3,TUBES\r\n"
RECALL = {"item_id": "$stock_item", "batch_number": "$good_batch_lot", "reason": "Because"}
LIFT = RECALL | {"batch_number": "$stopped_batch_lot"}
NEW = {"name": "Something new", "unit_type": "TABLETS", "reorder_threshold": 5}
TYPED = "the number that was typed stands in the field again"
PLACE = "location_id=$pharmacy"
PAGE = "location=$pharmacy"

CATALOGUE = [
    Row(f"GET {API}/catalog", KEEPERS + " DOCTOR", query="q=shared"),
    Row(f"GET {API}/catalog/{{item_id}}", KEEPERS + " DOCTOR", ITEM),
    Row(f"POST {API}/catalog", KEEPERS, body=NEW),
    Row(f"PUT {API}/catalog/{{item_id}}", KEEPERS, ITEM, NEW),
    Row("GET /stock/catalog", KEEPERS, query="q=shared"),
    Row("GET /stock/catalog/new", KEEPERS),
    Row("POST /stock/catalog/new", KEEPERS, body=NEW, ok=(303,)),
    Row("GET /stock/catalog/{item_id}", KEEPERS, ITEM),
    Row("POST /stock/catalog/{item_id}", KEEPERS, ITEM, NEW, ok=(303,)),
]

READS = [
    Row(f"GET {API}", KEEPERS),
    Row(f"GET {API}", "pharmacist", query=PLACE + "&q=zq"),
    Row(f"GET {API}/{{item_id}}", KEEPERS, ITEM),
    Row(f"GET {API}/{{item_id}}", "pharmacist", ITEM, query=PLACE),
    Row(f"GET {API}/batches/clinic/{{clinic_id}}", "admin", {"clinic_id": "clinic"}),
    Row(f"GET {API}/batches/pharmacy/{{pharmacy_id}}", "pharmacist", {"pharmacy_id": "pharmacy"}, query="empty_too=true"),
    Row(f"GET {API}/stock/low", KEEPERS),
    Row(f"GET {API}/stock/low", "pharmacist", query=PLACE),
    Row(f"GET {API}/stock/expiring", KEEPERS, query="days=3650"),
    Row(f"GET {API}/stock/expiring", "pharmacist", query=PLACE),
    Row(f"GET {API}/transactions", KEEPERS, query="limit=100"),
    Row(f"GET {API}/transactions", KEEPERS, query="item_id=$stock_item&from=2020-01-01&to=2199-01-01", refusal=(200,)),
    Row(f"GET {API}/transactions", "pharmacist", query=PLACE + "&transaction_type=IN"),
    Row(f"GET {API}/recalls", KEEPERS, query="batch_number=$good_batch_lot", refusal=(200,)),
    Row(f"GET {API}/counts", KEEPERS),
    Row(f"GET {API}/counts", "pharmacist", query=PLACE),
    Row(f"GET {API}/counts/{{count_id}}", "pharmacist", {"count_id": "stock_count"}),
    Row(f"GET {API}/export", KEEPERS),
    Row(f"GET {API}/export", "pharmacist", query=PLACE),
    Row(f"GET {API}/export/transactions", KEEPERS),
    Row(f"GET {API}/export/transactions", "pharmacist", query=PLACE + "&from=2020-01-01&to=2199-01-01"),
]  # fmt: skip

WRITES = [
    Row(f"PUT {API}/{{item_id}}/threshold", "pharmacist", ITEM, HERE | {"threshold": 7}),
    Row(f"POST {API}/stock/in", "pharmacist", body=RECEIPT),
    Row(f"POST {API}/stock/out", "pharmacist", body=NAMED),
    Row(f"POST {API}/stock/adjust", "pharmacist", body=NAMED),
    Row(f"POST {API}/stock/return", "pharmacist", body=NAMED),
    Row(f"POST {API}/stock/transfer", "admin", body=ELSEWHERE),
    Row(f"POST {API}/dispense", "pharmacist", body=MOVE),
    Row(f"POST {API}/counts", "pharmacist", body=HERE | {"lines": [LINE]}),
    Row(f"POST {API}/import", "pharmacist", body=HERE | {"csv": TABLE, "dry_run": False}),
    Row(f"POST {API}/recalls", "pharmacist", body=RECALL, refusal=(409,)),
    Row(f"POST {API}/recalls/lift", "pharmacist", body=LIFT, refusal=(409,)),
]

PAGES = [
    Row("GET /stock", KEEPERS),
    Row("GET /stock", "pharmacist", query=PAGE + "&q=zq"),
    Row("GET /stock/items/{item_id}", KEEPERS, ITEM),
    Row("GET /stock/items/{item_id}", "pharmacist", ITEM, query=PAGE),
    Row("POST /stock/items/{item_id}/threshold", "pharmacist", ITEM, HERE | {"threshold": 7}, ok=(303,)),
    Row("GET /stock/low", "pharmacist", query=PAGE),
    Row("GET /stock/expiring", "pharmacist", query=PAGE + "&days=3650"),
    Row("GET /stock/movements", "pharmacist", query=PAGE),
    Row("GET /stock/movements", "pharmacist", query=PAGE + "&item_id=$stock_item&transaction_type=IN&from=2020-01-01"),
    Row("GET /stock/move/{verb}", "pharmacist", {"verb": "=in"}, query=PAGE + "&q=shared"),
    Row("GET /stock/move/{verb}", "pharmacist", {"verb": "=return"}, query=PAGE + "&item_id=$stock_item"),
    Row("POST /stock/move/{verb}", "pharmacist", {"verb": "=in"}, RECEIPT, ok=(303,)),
    Row("POST /stock/move/{verb}", "pharmacist", {"verb": "=out"}, MOVE, ok=(303,)),
    Row("POST /stock/move/{verb}", "pharmacist", {"verb": "=sell"}, MOVE, ok=(303,)),
    Row("POST /stock/move/{verb}", "pharmacist", {"verb": "=adjust"}, NAMED, ok=(303,)),
    Row("POST /stock/move/{verb}", "pharmacist", {"verb": "=return"}, NAMED, ok=(303,)),
    Row("POST /stock/move/{verb}", "admin", {"verb": "=transfer"}, ELSEWHERE, ok=(303,)),
    Row("GET /stock/count", "pharmacist", query=PAGE + "&q=shared"),
    Row("POST /stock/count", "pharmacist", body=HERE | LINES, ok=(303,)),
    Row("GET /stock/counts/{count_id}", "pharmacist", {"count_id": "stock_count"}),
    Row("GET /stock/import", "pharmacist", query=PAGE),
    Row("POST /stock/import", "pharmacist", body=HERE | {"csv": TABLE, "step": "import"}, ok=(303,)),
    Row("GET /stock/export.csv", "pharmacist", query=PAGE),
    Row("GET /stock/movements.csv", "pharmacist", query=PAGE),
    Row("GET /stock/recalls", KEEPERS, query="batch_number=$good_batch_lot", refusal=(200,), is_vague=TYPED),
    Row("POST /stock/recalls", "pharmacist", body=RECALL, ok=(303,), refusal=(409,), is_vague=TYPED),
    Row("POST /stock/recalls/lift", "pharmacist", body=LIFT, ok=(303,), refusal=(409,), is_vague=TYPED),
]

ROWS = [*CATALOGUE, *READS, *WRITES, *PAGES]
