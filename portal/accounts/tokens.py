"""Access tokens: short-lived JWTs signed with EdDSA (RFC 8037, RFC 9068), believed only while their login lives.

`use_keys(settings)` is called once at start; the rest works on the key file that it opened.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from hmac import digest
from uuid import UUID

import jwt
import msgspec

from portal import clock
from portal.accounts.keys import Keyring, encoded, open_keyring
from portal.accounts.schemas import Actor, Role
from portal.errors import Unauthorized
from portal.ids import uuid7
from portal.settings import Settings

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
AUDIENCE = "care-portal-api"
LIFETIME = timedelta(minutes=5)
CLOCK_SKEW = 5  # seconds that another machine's clock may be ahead
MAX_LENGTH = 2048

_keyring: Keyring | None = None
_issuer = ""


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """The whole header: `crit`, `jku`, `x5u`, `jwk` and their like are refused by not being here."""

    alg: str
    typ: str
    kid: str


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an access token says, every part required and of its exact type."""

    account_id: UUID = msgspec.field(name="sub")
    login_id: UUID = msgspec.field(name="sid")
    role: Role
    issuer: str = msgspec.field(name="iss")
    audience: str = msgspec.field(name="aud")
    issued_at: int = msgspec.field(name="iat")
    not_before: int = msgspec.field(name="nbf")
    expires: int = msgspec.field(name="exp")
    token_id: UUID = msgspec.field(name="jti")

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


def use_keys(settings: Settings) -> None:
    """Open the key file, making it at the first start. Raises `SettingError` when it cannot be used."""
    global _keyring, _issuer
    _keyring, _issuer = open_keyring(settings), settings.base_url


def keyring() -> Keyring:
    if _keyring is None:
        raise RuntimeError("tokens.use_keys(settings) comes first")
    return _keyring


def absolute(path: str) -> str:
    """The full address of one of our pages, for mails; from the settings, never from a request."""
    return _issuer + path


def secret(purpose: str) -> bytes:
    """32 bytes for one purpose (the CSRF token, a seal, a refresh token), the same in every process."""
    return keyring().secret(purpose)


def rotate() -> str:
    """Begin to sign with a new key; tokens of the old one run out by themselves. The new key's id."""
    return keyring().rotate()


def public_keys() -> dict[str, list[dict[str, str]]]:
    """The JWK set that others check our tokens with."""
    shared = ("kty", "crv", "alg", "use", "kid", "x")
    return {"keys": [{name: getattr(key, name) for name in shared} for key in keyring().believed()]}


def new_access_token(account_id: UUID, role: Role, login_id: UUID) -> str:
    """A token for one login; it dies with the login, and by itself after `LIFETIME`."""
    now = int(clock.now().timestamp())
    claims = Claims(
        account_id=account_id,
        login_id=login_id,
        role=role,
        issuer=_issuer,
        audience=AUDIENCE,
        issued_at=now,
        not_before=now,
        expires=now + int(LIFETIME.total_seconds()),
        token_id=uuid7(),
    )
    kid, key = keyring().signer()
    return jwt.encode(msgspec.to_builtins(claims), key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TYPE})


def issue_access_token(actor: Actor) -> str:
    """A token for the actor's own login."""
    return new_access_token(actor.id, actor.role, actor.login_id)


def read_access_token(header: str) -> Claims:
    """The claims of an `Authorization` header. Raises `Unauthorized`, always the same one, for whatever is wrong."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    return read_token(token)


def read_token(token: str) -> Claims:
    """The claims of a bare access token. Raises `Unauthorized`."""
    if len(token) > MAX_LENGTH:
        raise Unauthorized
    try:
        claims = _signed(token, tuple(key.kid for key in keyring().believed()))
    except (jwt.PyJWTError, msgspec.MsgspecError, ValueError):
        raise Unauthorized from None
    if not _holds_now(claims):
        raise Unauthorized
    return claims


@lru_cache(maxsize=4096)
def _signed(token: str, believed: tuple[str, ...]) -> Claims:
    """What a well-signed token says, looked at once while the same keys are believed: it costs more than all else of a
    request. Whether the token still holds is asked each time."""
    header = msgspec.convert(jwt.get_unverified_header(token), Header)
    key = keyring().verifier(header.kid) if header.kid in believed else None
    if header.alg != ALGORITHM or header.typ != TYPE or key is None:
        raise ValueError
    payload: bytes = jwt.PyJWS(algorithms=[ALGORITHM]).decode(token, key, algorithms=[ALGORITHM])
    return msgspec.json.decode(payload, type=Claims)


def _holds_now(claims: Claims) -> bool:
    now = clock.now().timestamp()
    ours = claims.issuer == _issuer and claims.audience == AUDIENCE
    begun = max(claims.issued_at, claims.not_before) <= now + CLOCK_SKEW
    lifetime = claims.expires - claims.issued_at
    return ours and begun and now < claims.expires and 0 < lifetime <= LIFETIME.total_seconds()


def matching(actor: Actor | None, claims: Claims) -> Actor:
    """The actor of the token's login. Raises `Unauthorized` when that login has ended or is somebody else's."""
    if actor is None or actor.id != claims.account_id or actor.role != claims.role:
        raise Unauthorized
    return actor


def successor(refresh_token: str) -> str:
    """The token that follows a refresh token: always the same one, and only this server can tell which."""
    return encoded(digest(secret("refresh token"), refresh_token.encode(), "sha256"))


def token_hash(token: str) -> bytes:
    """What is stored of a random token: enough to recognise it, nothing to use."""
    return sha256(token.encode()).digest()
