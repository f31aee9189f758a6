"""Policy rows: the conversation of a visit and its files."""

from tests.access.policy import Row

ONE = "/api/appointments/{appointment_id}"
PAGE = "/appointments/{appointment_id}"
HERE = {"appointment_id": "booked"}
FILE = HERE | {"file_id": "chat_file"}
TWO = "patient doctor"
NEW = {"body": "Hello", "client_id": "6f1c9c2e-0d3b-4a55-9c3f-0e8a3f7c1b2d"}
PDF = b"%PDF-1.7\n%%EOF\n"
MARK = "how far somebody has read, which the conversation itself keeps"
MOMENT = "said to the open page, and kept nowhere"

ROWS = [
    Row(f"GET {ONE}/messages", TWO, HERE),
    Row(f"GET {ONE}/messages", TWO, HERE, query="after=0&limit=10"),
    Row(f"POST {ONE}/messages", TWO, HERE, NEW),
    Row(f"POST {ONE}/messages/read", TWO, HERE, {"number": 2}, unaudited=MARK),
    Row(f"POST {ONE}/messages/typing", TWO, HERE, unaudited=MOMENT),
    Row(f"GET {ONE}/files", TWO, HERE),
    Row(f"POST {ONE}/files", TWO, HERE, NEW, file=PDF),
    Row(f"GET {ONE}/files/{{file_id}}", TWO, FILE),
    Row(f"GET {PAGE}/chat", TWO, HERE),
    Row(f"GET {PAGE}/chat/news", TWO, HERE, query="after=0"),
    Row(f"POST {PAGE}/chat", TWO, HERE, NEW, ok=(303,)),
    Row(f"POST {PAGE}/chat/read", TWO, HERE, {"number": 2}, ok=(303,), unaudited=MARK),
    Row(f"POST {PAGE}/chat/typing", TWO, HERE, {}, unaudited=MOMENT),
    Row(f"GET {PAGE}/files", TWO, HERE),
    Row(f"GET {PAGE}/files/{{file_id}}", TWO, FILE),
]
