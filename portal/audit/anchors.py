"""The heads of the chains, written each minute outside the database: whoever owns that cannot change them unseen.

A line holds the heads of all chains, the code of the line before it, and a code of its own (HMAC with a key that is
derived from the portal's root secret, because a signing key is forgotten soon after it was replaced, and these lines
are kept for years). One file a host and month, in the data folder and in a second place where one is configured.
"""

import fcntl
import hmac
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from portal.accounts.keys import open_keyring
from portal.settings import Settings

logger = logging.getLogger(__name__)

FOLDER = "audit-anchor"
LONGEST = 8192  # more than the longest line
MOST = 5000  # anchors remembered a chain while verifying, so that years of them fit in memory

Heads = Sequence[tuple[int, int, bytes]]  # chain, number of its last row, hash of that row


class Line(msgspec.Struct, omit_defaults=True):
    """One line of a file. `restored` tells how far each chain reached in a back-up that was put back then."""

    at: datetime
    rows: int
    heads: list[tuple[int, int, bytes]]
    before: bytes
    restored: list[tuple[int, int]] | None = None
    code: bytes = b""

    def seal(self, key: bytes) -> bytes:
        """The code that belongs to this line."""
        bare = msgspec.structs.replace(self, code=b"")
        return hmac.digest(key, msgspec.json.encode(bare), "sha256")

    def is_genuine(self, key: bytes) -> bool:
        """Whether it was written with this key, and not changed since."""
        return hmac.compare_digest(self.code, self.seal(key))


class Anchors(msgspec.Struct):
    """What the files say: the anchored heads of each chain, and the lines that are not as they were written."""

    lines: int = 0
    newest: datetime | None = None
    heads: dict[int, list[tuple[int, bytes]]] = {}
    faults: list[str] = []


def key_of(settings: Settings) -> bytes:
    return open_keyring(settings).secret("audit anchor")


def places(settings: Settings) -> list[Path]:
    """The folder under the data folder, and the second place where one is configured."""
    return [settings.data / FOLDER, *([Path(settings.audit_anchor)] if settings.audit_anchor else [])]


def write(settings: Settings, at: datetime, heads: Heads, restored: list[tuple[int, int]] | None = None) -> int:
    """Append the heads in every place, unless that file ends with them; the number of places that have them now.

    One place that cannot be written does not keep the other from its line.
    """
    key, written = key_of(settings), 0
    (settings.data / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)  # the second place must be there: a mount
    for folder in places(settings):
        try:
            _append(folder, key, at, heads, restored)
            written += 1
        except OSError as error:
            logger.error("the audit's anchor could not be written in %s (%s)", folder, error.strerror)
    return written


def _append(folder: Path, key: bytes, at: datetime, heads: Heads, restored: list[tuple[int, int]] | None) -> None:
    path = folder / f"{socket.gethostname()}-{at:%Y-%m}.jsonl"
    is_new = not path.exists()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_line(file)
        if last and last.heads == list(heads) and restored is None:
            return
        line = Line(at, sum(seq for _, seq, _ in heads), list(heads), last.code if last else b"", restored)
        line.code = line.seal(key)
        torn = _ends_torn(file)
        file.write((b"\n" if torn else b"") + msgspec.json.encode(line) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _keep_name(folder)


def _last_line(file: BinaryIO) -> Line | None:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * LONGEST))
    found = [line for line in map(_decoded, file.read().splitlines()) if line]
    return found[-1] if found else None


def _ends_torn(file: BinaryIO) -> bool:
    """Whether the machine died in the middle of a line; what it left is passed over."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _decoded(text: bytes) -> Line | None:
    try:
        return msgspec.json.decode(text, type=Line)
    except msgspec.MsgspecError:
        return None


def _keep_name(folder: Path) -> None:
    """A new file's name must outlive a power cut as its content does."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(settings: Settings, more: Sequence[Path] = ()) -> Anchors:
    """What is anchored in the places of this host and in `more` files."""
    key, found = key_of(settings), Anchors()
    files = [*(path for folder in places(settings) for path in sorted(folder.glob("*.jsonl"))), *more]
    restores = [
        (line.at, dict(line.restored))
        for path in files
        for line in _lines(path)
        if line.restored is not None and line.is_genuine(key)
    ]
    for path in files:
        before = b""
        for number, line in enumerate(_lines(path), 1):
            if not line.is_genuine(key) or line.before != before:
                found.faults.append(f"{path.name}:{number}")
            else:
                _take(line, found, restores)
            before = line.code
    return found


def _take(line: Line, found: Anchors, restores: list[tuple[datetime, dict[int, int]]]) -> None:
    """Remember the heads of a line, except those of rows that a restore has lost since."""
    found.lines += 1
    found.newest = max(line.at, found.newest or line.at)
    for chain, seq, digest in line.heads:
        lost = any(line.at < at and seq > reached.get(chain, 0) for at, reached in restores)
        kept = found.heads.setdefault(chain, [])
        if seq and not lost and (seq, digest) not in kept[-1:]:
            kept.append((seq, digest))
            if len(kept) > MOST:
                del kept[1:-1:2]


def _lines(path: Path) -> Iterator[Line]:
    """The lines of a file; what is no line at all, as a power cut may leave, is passed over."""
    with path.open("rb") as file:
        yield from (line for line in map(_decoded, file) if line)
