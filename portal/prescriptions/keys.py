"""What is signed, with which key, and the link that carries the signature.

One Ed25519 key, drawn from the portal's root secret, signs all prescriptions: unlike those of access tokens it is not
exchanged every now and then, since what it signed must be believed for as long as the paper lasts. Its public half is
stored with the first prescription that it signs, and published. docs/prescriptions.md tells how to check by oneself.
"""

import re
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from portal.accounts import tokens
from portal.accounts.keys import decoded, encoded
from portal.prescriptions.schemas import NewItem
from portal.web.scalars import exact

PURPOSE = "prescription signature 1"
TYPE = "rx"
LONGEST = 600
WRITTEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}", re.ASCII)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header of a link's token: a JSON Web Signature (RFC 7515, RFC 8037)."""

    alg: str
    kid: str
    typ: str


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the link says by itself: the code, when it was issued and until when it holds, and the hash of the content."""

    code: str
    iat: int
    exp: int
    sha256: str


class Signed(msgspec.Struct, frozen=True):
    """A content in its one form, with what proves it."""

    content: str
    content_hash: bytes
    signature: bytes
    key_id: str


def own_key() -> Ed25519PrivateKey:
    """The key that signs now."""
    return _key(tokens.secret(PURPOSE))


@lru_cache(maxsize=4)
def _key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key() -> bytes:
    return own_key().public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """The thumbprint of a public key (RFC 7638), so that everybody names it alike."""
    jwk = b'{"crv":"Ed25519","kty":"OKP","x":"' + encoded(public).encode() + b'"}'
    return encoded(sha256(jwk).digest())[:16]


def jwk(public: bytes) -> dict[str, str]:
    """A public key as it is published."""
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key_id(public), "x": encoded(public)}


def canonical(content: dict[str, Any]) -> str:
    """The one way to write a content: UTF-8 JSON with sorted names and no spaces (as RFC 8785 writes it)."""
    return msgspec.json.encode(content, order="deterministic").decode()


def canonical_item(item_id: UUID, item: NewItem) -> dict[str, Any]:
    """An item as it is signed: exact numbers as text without trailing zeros."""
    return {
        "id": str(item_id),
        "catalog_item_id": str(item.catalog_item_id) if item.catalog_item_id else None,
        "drug_name": item.drug_name,
        "active_ingredient": item.active_ingredient or "",
        "strength": item.strength,
        "form": item.form,
        "dose": exact(item.dose),
        "dose_unit": item.dose_unit.value,
        "frequency": item.frequency.value,
        "duration_days": item.duration_days,
        "quantity": exact(item.quantity),
        "unit": item.unit.value,
        "instructions": item.instructions or "",
        "refills_allowed": item.refills_allowed,
    }


def sign(content: dict[str, Any], code: str, issued_at: datetime, valid_until: datetime) -> Signed:
    """Sign a content: its signature is that of the link's token, which holds the hash."""
    text = canonical(content)
    digest, kid = sha256(text.encode()).digest(), key_id(public_key())
    signature = own_key().sign(signing_input(code, issued_at, valid_until, digest, kid).encode())
    return Signed(text, digest, signature, kid)


def signing_input(code: str, issued_at: datetime, valid_until: datetime, digest: bytes, kid: str) -> str:
    """The two parts of the token that are signed."""
    header = msgspec.json.encode(Header("EdDSA", kid, TYPE))
    payload = msgspec.json.encode(
        Payload(code, int(issued_at.timestamp()), int(valid_until.timestamp()), encoded(digest))
    )
    return f"{encoded(header)}.{encoded(payload)}"


def token(code: str, issued_at: datetime, valid_until: datetime, digest: bytes, kid: str, signature: bytes) -> str:
    """The compact form that a link carries."""
    return signing_input(code, issued_at, valid_until, digest, kid) + "." + encoded(signature)


def read_token(text: str, known: dict[str, bytes]) -> Payload | None:
    """What a token says, when one of the `known` public keys has signed it; None for anything else."""
    if len(text) > LONGEST or not WRITTEN.fullmatch(text):
        return None
    parts = text.split(".")
    try:
        header = msgspec.json.decode(decoded(parts[0]), type=Header)
        payload = msgspec.json.decode(decoded(parts[1]), type=Payload)
        public = known.get(header.kid)
        if (header.alg, header.typ) != ("EdDSA", TYPE) or public is None:
            return None
        Ed25519PublicKey.from_public_bytes(public).verify(decoded(parts[2]), ".".join(parts[:2]).encode())
    except (ValueError, msgspec.MsgspecError, InvalidSignature):
        return None
    return payload


def digest_of(payload: Payload) -> bytes:
    """The hash of the content that a token names."""
    return decoded(payload.sha256)


def holds(signed: Signed, code: str, issued_at: datetime, valid_until: datetime, public: bytes) -> bool:
    """Whether a stored prescription is what was signed."""
    digest = sha256(signed.content.encode()).digest()
    message = signing_input(code, issued_at, valid_until, digest, signed.key_id)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed.signature, message.encode())
    except InvalidSignature:
        return False
    return digest == signed.content_hash
