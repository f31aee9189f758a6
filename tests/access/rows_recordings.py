"""Policy rows: recordings of video visits, which are for the two who met."""

from typing import Any

from tests.access.policy import Row

CALL = {"session_id": "call"}
KEPT = CALL | {"recording_id": "recording"}
TOLD: dict[str, Any] = {
    "refusal": (403, 404),
    "is_vague": "under /api/video/ strangers get 403, for what does not exist 404",
}
NO_FILE = TOLD | {
    "refusal": (403, 404, 415, 422)
}  # what is no form with a file is refused before anything is looked up
THE_TWO = "patient doctor"
TAKE_BACK = {"action": "WITHDRAW"}
EMPTY = "there is nothing in it any more, and nothing is told"
LOOK = "who agrees to a recording, by ids alone"

ROWS = [
    row
    for base in ("/api/video/sessions/{session_id}/recording", "/video/sessions/{session_id}/recording")
    for row in (
        Row(f"GET {base}", THE_TWO, CALL, unaudited=LOOK, **TOLD),
        Row(f"POST {base}", THE_TWO, CALL, TAKE_BACK, ok=(200, 303), **TOLD),
        Row(f"GET {base}/{{recording_id}}", THE_TWO, KEPT, ok=(409,), unaudited=EMPTY, **TOLD),
        Row(f"POST {base}/{{recording_id}}/pieces/{{number}}", "doctor", KEPT | {"number": "=0"}, {}, ok=(415, 422),
            unaudited=EMPTY, **NO_FILE),
    )
]  # fmt: skip
