"""Strict reading of `application/x-www-form-urlencoded`, in bodies and in query strings."""

import re
from urllib.parse import unquote_to_bytes

from portal.errors import Malformed
from portal.web.i18n import _

BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parse_pairs(encoded: bytes, most: int) -> list[tuple[str, str]]:
    """The pairs in the order sent; more than `most`, broken escapes and text that is not UTF-8 are refused."""
    if not encoded:
        return []
    if encoded.count(b"&") >= most:
        raise Malformed(_("The request has too many fields."))
    if BAD_PERCENT.search(encoded):
        raise Malformed(_("The request is not encoded correctly."))
    pairs = (part.partition(b"=") for part in encoded.split(b"&") if part)
    return [(unescaped(name), unescaped(value)) for name, _equals, value in pairs]


def unescaped(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise Malformed(_("The request is not valid UTF-8.")) from None
