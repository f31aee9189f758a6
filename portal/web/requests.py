"""The id of the request at hand, which joins a log line, an audit row and the error that a person reports."""

import re
from contextvars import ContextVar

from portal.ids import uuid7

# UUIDs, and the 32 digits of nginx and others: nothing that could be a word, a name or a secret.
WELL_FORMED = re.compile(rb"[0-9a-f-]{16,64}")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id() -> str | None:
    return _request_id.get()


def set_request_id(value: str) -> None:
    _request_id.set(value)


def id_for(headers: list[tuple[bytes, bytes]]) -> str:
    """The id that a proxy or a program gave this request, where it looks like one and nothing else; else a new one."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and WELL_FORMED.fullmatch(given[0]):
        return given[0].decode()
    return str(uuid7())
