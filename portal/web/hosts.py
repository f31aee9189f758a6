"""Which host and which spelling of a path we answer to, and whose address a request counts for."""

import ipaddress
import re
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from portal.errors import Malformed, NotFound
from portal.settings import HOST, Settings
from portal.web.i18n import _

# Our own addresses need no percent-encoding, so every encoded spelling is a second name for something: refused.
PLAIN = "[A-Za-z0-9._~$@:+=,-]+"
CANONICAL_PATH = re.compile(rb"/|(?:/(?!\.{1,2}(?:/|$))" + PLAIN.encode() + rb")+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_PATH = 1000
LONGEST_NEXT = 1500


def check_host(scope: Any, settings: Settings) -> None:
    """Exactly one Host, exactly one of ours (400 otherwise). `X-Forwarded-Host` is never read."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    match = HOST.fullmatch(hosts[0].decode("latin-1").lower()) if len(hosts) == 1 else None
    if match is None or not _is_ours(match[1], match[2], settings):
        raise Malformed(_("This host name is not ours."), code="unknown_host")


def _is_ours(name: str, port: str | None, settings: Settings) -> bool:
    if port is not None and int(port) > 65535:
        return False
    return (name, None) in _allowed(settings) or (name, port or "") in _allowed(settings)


@cache
def _allowed(settings: Settings) -> frozenset[tuple[str, str | None]]:
    """Names with their port; a name that was given without a port is good with any (None)."""
    base = urlsplit(settings.base_url)
    found: set[tuple[str, str | None]] = {((base.hostname or "").rstrip("."), str(base.port or ""))}
    for text in settings.allowed_hosts:
        match = HOST.fullmatch(text.lower())
        if match:
            found.add((match[1], match[2]))
    return frozenset(found)


def check_path(scope: Any) -> str | None:
    """None for the one spelling of a path; the path to go to where only a slash hangs on. Else 400 or 404."""
    raw = scope.get("raw_path") or scope["path"].encode()
    if CONTROL.search(scope["path"]):
        raise Malformed(_("The address cannot be read."))
    if len(raw) > LONGEST_PATH:
        raise NotFound
    if CANONICAL_PATH.fullmatch(raw):
        return None
    if raw.endswith(b"/") and CANONICAL_PATH.fullmatch(raw[:-1]):
        return raw[:-1].decode("ascii")
    raise NotFound


def safe_next(text: str | None, otherwise: str = "/") -> str:
    """The path to go to after a login: one of our own, however it was asked for."""
    text = text or ""
    plain = unquote(unquote(text))
    if len(text) > LONGEST_NEXT or not text.startswith("/") or CONTROL.search(plain) or "\\" in plain:
        return otherwise
    if plain.startswith("//") or urlsplit(text).netloc or not text.isascii() or " " in text:
        return otherwise
    return text if CANONICAL_PATH.fullmatch(text.partition("?")[0].partition("#")[0].encode()) else otherwise


def client_address(scope: Any, settings: Settings) -> str:
    """Whose address this is: the peer's, or what a trusted proxy says of it, read from the right."""
    address = scope["client"][0] if scope.get("client") else "unknown"
    if not _is_trusted(address, settings.trusted_proxies):
        return str(address)
    named = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    for part in reversed(named.split(",")[-20:]):
        candidate = _address(part)
        if candidate is None:
            break
        address = candidate
        if not _is_trusted(candidate, settings.trusted_proxies):
            break
    return str(address)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        return None


def _is_trusted(address: str, networks: tuple[str, ...]) -> bool:
    known = _address(address) if networks else None
    return known is not None and any(
        ipaddress.ip_address(known) in ipaddress.ip_network(network, strict=False) for network in networks
    )
