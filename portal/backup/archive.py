"""The file of a back-up: a zip of its parts, a manifest that names their digests and is signed, and a seal on the whole.

The seal (SHA-256 of every byte before it, as the zip's comment) shows damage of any kind before anything else is
looked at. The signature (HMAC with the portal's own key) shows which portal made it. Any unzip program opens the file.
"""

import hashlib
import hmac
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO
from zipfile import BadZipFile, ZipFile

import msgspec

from portal.accounts.keys import open_keyring
from portal.backup import BackupError
from portal.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.dump"
SEAL = 64  # characters of a SHA-256


class Manifest(msgspec.Struct, kw_only=True):
    """What the back-up holds and what made it. `reached` is each chain of the audit with its last row's number."""

    format: int = FORMAT
    made_at: datetime
    version: str
    migrations: list[str]
    server: int  # PostgreSQL's major version
    program: int  # pg_dump's
    counts: dict[str, int]
    reached: list[tuple[int, int]]
    parts: dict[str, str]
    code: str = ""

    def seal(self, key: bytes) -> str:
        """The signature that belongs to this manifest."""
        bare = msgspec.structs.replace(self, code="")
        return hmac.new(key, msgspec.json.encode(bare), "sha256").hexdigest()


def key_of(settings: Settings) -> bytes:
    return open_keyring(settings).secret("back-up")


class Writer:
    """A back-up that is being written; its name appears when it is complete and on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, str] = {}
        # Made with mode 0600; `finish` or `forget` closes it.
        self._file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False)  # noqa: SIM115
        self._made = Path(self._file.name)
        self._zip = ZipFile(self._file, "w")  # parts are stored as they are: the dump is compressed already

    def add(self, name: str, fill: Callable[[IO[bytes]], None]) -> None:
        """Add one part, written by `fill`."""
        with self._zip.open(name, "w", force_zip64=True) as part:
            counted = Hashing(part)
            fill(counted)  # type: ignore[arg-type]  # it writes, and that is all that is asked of it
        self.parts[name] = counted.digest.hexdigest()

    def finish(self, manifest: Manifest, key: bytes) -> None:
        """Sign, seal, and give the file its name."""
        manifest.code = manifest.seal(key)
        self._zip.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        self._zip.comment = b"0" * SEAL
        self._zip.close()
        self._file.flush()
        seal = seal_of(self._file)
        self._file.seek(-SEAL, os.SEEK_END)
        self._file.write(seal)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._made.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def forget(self) -> None:
        """Leave nothing behind of what was not finished."""
        self._made.unlink(missing_ok=True)
        for opened in (self._zip, self._file):
            with suppress(OSError, ValueError):  # what is left to write still does not fit on the disk
                opened.close()


class Hashing:
    """A file to write to that remembers the digest of what went through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new back-up; nothing stays when the block fails. Raises `BackupError` when it cannot be written."""
    try:
        writer = Writer(path)
    except OSError as error:
        raise BackupError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        yield writer
    except OSError as error:
        raise BackupError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        writer.forget()


@contextmanager
def reading(path: Path) -> Iterator[tuple[ZipFile, Manifest]]:
    """A back-up that is whole, to the last byte. Raises `BackupError` for any other file."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupError(f"{path}: cannot be read ({error.strerror})") from None
    with file:
        check_seal(path, file)
        try:
            with ZipFile(file) as found:
                yield found, manifest_of(path, found)
        except BadZipFile:
            raise BackupError(f"{path}: this is no back-up of the portal") from None


def check_seal(path: Path, file: IO[bytes]) -> None:
    file.seek(0)
    if file.read(4) != b"PK\x03\x04" or file.seek(0, os.SEEK_END) < SEAL:
        raise BackupError(f"{path}: this is no back-up of the portal, or its beginning is damaged")
    file.seek(-SEAL, os.SEEK_END)
    stored = file.read()
    if not hmac.compare_digest(stored, seal_of(file)):
        raise BackupError(f"{path}: damaged or cut short: its content is not what its seal says")


def seal_of(file: IO[bytes]) -> bytes:
    """The digest of everything before the seal."""
    left, digest = file.seek(0, os.SEEK_END) - SEAL, hashlib.sha256()
    file.seek(0)
    while left and (chunk := file.read(min(left, 1 << 20))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest().encode()


def manifest_of(path: Path, found: ZipFile) -> Manifest:
    """The manifest, if this version of the program can read it."""
    try:
        text = found.read(MANIFEST)
        wanted = msgspec.json.decode(text, type=dict)["format"]
        if wanted != FORMAT:
            raise BackupError(f"{path}: made in format {wanted}, and this version of the portal reads format {FORMAT}")
        return msgspec.json.decode(text, type=Manifest)
    except (KeyError, msgspec.MsgspecError):
        raise BackupError(f"{path}: this is no back-up of the portal") from None


def check_signature(path: Path, found: ZipFile, manifest: Manifest, key: bytes) -> None:
    """Whether this portal's key signed it, and every part is the one that was signed. Raises `BackupError`."""
    if not hmac.compare_digest(manifest.code, manifest.seal(key)):
        raise BackupError(
            f"{path}: signed with other keys than this portal's: name the right ones with PORTAL_KEYS, "
            "or say --lost-keys when they are gone for good"
        )
    check_parts(path, found, manifest)


def check_parts(path: Path, found: ZipFile, manifest: Manifest) -> None:
    """Whether the parts are those that the manifest names. Raises `BackupError`."""
    if set(found.namelist()) != {MANIFEST, *manifest.parts}:
        raise BackupError(f"{path}: its parts are not those of its manifest")
    for name, wanted in manifest.parts.items():
        with found.open(name) as part:
            if hashlib.file_digest(part, "sha256").hexdigest() != wanted:  # type: ignore[arg-type]  # it can be read
                raise BackupError(f"{path}: its part {name} is not the one that was signed")


def copy_file(source: Path) -> Callable[[IO[bytes]], None]:
    """For `Writer.add`: the content of a file."""

    def fill(part: IO[bytes]) -> None:
        with source.open("rb") as file:
            shutil.copyfileobj(file, part)

    return fill
