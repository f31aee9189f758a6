"""Identifiers: UUIDv7, so that new rows land together at the end of every index."""

from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> UUID:
    """A new time-ordered identifier (RFC 9562, version 7)."""
    return _uuid7()
