"""The portal's keys: several Ed25519 keys that sign access tokens, and one root secret, in one JWK set file.

The newest key signs. An older one is still believed for `OVERLAP` after it was replaced, which outlives every token
that it signed. The file is looked at anew when it changes, so that a rotation needs no restart.
"""

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal import clock
from portal.settings import SettingError, Settings

OVERLAP = timedelta(minutes=10)


class Jwk(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry of the file (RFC 7517, RFC 8037); `iat` is when it was made."""

    kty: str
    kid: str
    iat: int
    crv: str = ""
    x: str = ""
    d: str = ""
    k: str = ""
    alg: str = ""
    use: str = ""


class JwkSet(msgspec.Struct):
    keys: list[Jwk]


class Keyring:
    """What one key file holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._signing: list[Jwk] = []
        self._newest: Ed25519PrivateKey
        self._root = b""
        self.refresh()

    def refresh(self) -> None:
        """Read the file again if it has changed. Raises `SettingError` when it cannot be used."""
        try:
            status = self.path.stat()
            if (status.st_mtime_ns, status.st_ino) == self._seen:
                return
            found = msgspec.json.decode(self.path.read_bytes(), type=JwkSet).keys
            signing = [key for key in found if key.kty == "OKP" and private_key(key)]
            signing.sort(key=lambda key: (key.iat, key.kid), reverse=True)
            root = next(decoded(key.k) for key in found if key.kty == "oct")
        except (OSError, StopIteration, ValueError, msgspec.MsgspecError):
            raise SettingError(f"PORTAL_KEYS: {self.path} holds no usable key set") from None
        if not signing or len(root) < 32:
            raise SettingError(f"PORTAL_KEYS: {self.path} holds no usable key set")
        self._signing, self._root, self._seen = signing, root, (status.st_mtime_ns, status.st_ino)
        self._newest = private_key(signing[0])

    def signer(self) -> tuple[str, Ed25519PrivateKey]:
        """The newest key and its id."""
        self.refresh()
        return self._signing[0].kid, self._newest

    def believed(self) -> list[Jwk]:
        """The keys whose signature still counts, newest first."""
        self.refresh()
        return still_believed(self._signing)

    def verifier(self, kid: str) -> Ed25519PublicKey | None:
        """The public key of an id. The id is compared with those of the set, and never used for anything else."""
        return next((private_key(key).public_key() for key in self.believed() if key.kid == kid), None)

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose, derived from the root secret: the same in every process and after a restart."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._root)

    def rotate(self) -> str:
        """Make a new signing key, drop those that nobody believes any more, and tell the new one's id."""
        self.refresh()
        fresh = new_signing_key()
        kept = still_believed([fresh, *self._signing])
        store(self.path, [*kept, Jwk(kty="oct", kid="root", iat=0, k=encoded(self._root))], replace=True)
        self.refresh()
        return fresh.kid


def open_keyring(settings: Settings) -> Keyring:
    """The keyring of `PORTAL_KEYS`, or the one under the data folder, which is made at the first start."""
    if settings.keys:
        return Keyring(Path(settings.keys))
    path = settings.data / "keys.json"
    if not path.exists():
        root = Jwk(kty="oct", kid="root", iat=0, k=encoded(secrets.token_bytes(32)))
        store(path, [new_signing_key(), root], replace=False)
    return Keyring(path)


def still_believed(newest_first: list[Jwk]) -> list[Jwk]:
    horizon = (clock.now() - OVERLAP).timestamp()
    replaced_at = [float("inf"), *(key.iat for key in newest_first)]
    return [key for key, until in zip(newest_first, replaced_at, strict=False) if until > horizon]


def store(path: Path, keys: list[Jwk], *, replace: bool) -> None:
    """Write the file whole, for its owner only. Several processes may start at once: the first file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".keys-", delete=False) as file:  # made with mode 0600
        file.write(msgspec.json.format(msgspec.json.encode(JwkSet(keys))))
        file.flush()
        os.fsync(file.fileno())
    made = Path(file.name)
    if replace:
        made.replace(path)
        return
    with suppress(FileExistsError):
        path.hardlink_to(made)
    made.unlink()


def new_signing_key() -> Jwk:
    key = Ed25519PrivateKey.generate()
    return Jwk(
        kty="OKP",
        crv="Ed25519",
        alg="EdDSA",
        use="sig",
        kid=secrets.token_urlsafe(9),
        iat=int(clock.now().timestamp()),
        x=encoded(key.public_key().public_bytes_raw()),
        d=encoded(key.private_bytes_raw()),
    )


def private_key(key: Jwk) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(decoded(key.d))


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(value: str) -> bytes:
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
