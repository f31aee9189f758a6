"""D4: an access token is ours, whole, of now, and of a login that lives. Everything else is one and the same 401."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from litestar import Litestar

from portal import clock, db
from portal.accounts import keys, tokens
from tests import factories
from tests.factories import Person

pytestmark = [pytest.mark.anyio, pytest.mark.D4]

BASE = {"alg": "EdDSA", "typ": "at+jwt"}
Forge = Callable[[dict[str, Any]], str]


def encoded(header: dict[str, Any], payload: bytes) -> str:
    """A token with a true signature over any header and payload."""
    kid, key = tokens.keyring().signer()
    head = keys.encoded(json.dumps({"kid": kid, **header}).encode())
    signed = f"{head}.{keys.encoded(payload)}"
    return f"{signed}.{keys.encoded(key.sign(signed.encode()))}"


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def changed(**more: Any) -> Forge:
    return lambda claims: encoded(BASE, json.dumps({**claims, **more}).encode())


def without(name: str) -> Forge:
    return lambda claims: encoded(BASE, json.dumps({k: v for k, v in claims.items() if k != name}).encode())


def header(**more: Any) -> Forge:
    return lambda claims: encoded({**BASE, **more}, json.dumps(claims).encode())


def unsigned(alg: str) -> Forge:
    return lambda claims: ".".join(
        [keys.encoded(json.dumps({**BASE, "alg": alg}).encode()), keys.encoded(json.dumps(claims).encode()), ""]
    )


def by_public_key(claims: dict[str, Any]) -> str:
    """The classic swap: our public key as the secret of an HMAC."""
    kid, key = tokens.keyring().signer()
    secret = key.public_key().public_bytes_raw() * 2
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid, "typ": "at+jwt"})


ATTACKS: dict[str, Forge] = {
    "alg none": unsigned("none"),
    "alg NoNe": unsigned("NoNe"),
    "alg HS256 with the public key": by_public_key,
    "alg HS512": header(alg="HS512"),
    "typ JWT": header(typ="JWT"),
    "no exp": without("exp"),
    "string exp": changed(exp="9999999999"),
    "expired a second ago": lambda c: changed(exp=int(clock.now().timestamp()) - 1)(c),
    "lives too long": lambda c: changed(exp=c["exp"] + 3600)(c),
    "nbf in the future": lambda c: changed(nbf=c["nbf"] + 60)(c),
    "iat in the future": lambda c: changed(iat=c["iat"] + 60, exp=c["exp"] + 60)(c),
    "no sub": without("sub"),
    "empty sub": changed(sub=""),
    "numeric sub": changed(sub=7),
    "somebody else's sub": changed(sub="01890000-0000-7000-8000-000000000000"),
    "another role": changed(role="SYSTEM_ADMIN"),
    "other aud": changed(aud="another-clinic"),
    "list aud": changed(aud=["care-portal-api"]),
    "other iss": changed(iss="https://evil.example"),
    "no jti": without("jti"),
    "unknown login": changed(sid="01890000-0000-7000-8000-000000000000"),
    "unknown claim": changed(admin=True),
    "kid is a path": header(kid="../../../../etc/passwd"),
    "kid is SQL": header(kid="' OR 1=1--"),
    "jku": header(jku="https://evil.example/keys.json"),
    "x5u": header(x5u="https://evil.example/cert.pem"),
    "jwk": header(jwk={"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
    "crit": header(crit=["exp"]),
    "b64 false": header(b64=False, crit=["b64"]),
    "list payload": lambda _: encoded(BASE, b"[1, 2]"),
    "payload is no UTF-8": lambda _: encoded(BASE, b"\xff\xfe"),
    "one megabyte": lambda c: changed(jti="x" * 1_000_000)(c),
    "three dots": lambda c: changed()(c) + ".x",
    "nothing": lambda _: "",
    "only dots": lambda _: "..",
    "another signature": lambda c: changed()(c)[:-8] + "AAAAAAAA",
}


@pytest.fixture(scope="module")
async def patient(app: Litestar) -> Person:
    return await factories.patient()


async def ask(client: httpx.AsyncClient, authorization: str | bytes) -> httpx.Response:
    return await client.get("/api/auth/me", headers=[(b"authorization", authorization)])  # type: ignore[list-item]


def plain(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


async def test_a_true_token_is_believed(client: httpx.AsyncClient, patient: Person) -> None:
    token = tokens.issue_access_token(patient.actor)
    assert (await ask(client, f"Bearer {token}")).status_code == 200
    assert (await ask(client, f"bearer {encoded(BASE, json.dumps(claims_of(token)).encode())}")).status_code == 200
    assert claims_of(token)["exp"] - claims_of(token)["iat"] <= 300


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_is_refused_like_any_other(client: httpx.AsyncClient, patient: Person, attack: str) -> None:
    token = ATTACKS[attack](claims_of(tokens.issue_access_token(patient.actor)))
    answer = await ask(client, f"Bearer {token}")
    assert answer.status_code == 401
    assert plain(answer) == plain(await ask(client, "Bearer x"))


async def test_other_schemes_and_other_tokens_are_refused(client: httpx.AsyncClient, patient: Person) -> None:
    good = tokens.issue_access_token(patient.actor)
    refresh_token = tokens.successor("anything")
    usual = plain(await ask(client, "Bearer x"))
    for wrong in (
        f"Basic {good}",
        good,
        f"Bearer  {good}",
        f"Bearer {refresh_token}",
        b"Bearer \xff\xfe",
        "Bearer",
        "",
    ):
        answer = await ask(client, wrong)
        assert (answer.status_code, plain(answer)) == (401, usual), wrong


async def test_a_token_dies_with_its_login(client: httpx.AsyncClient) -> None:
    person = await factories.patient()
    token = tokens.issue_access_token(person.actor)
    await db.execute("UPDATE login SET revoked_at = clock_timestamp() WHERE id = $1", person.actor.login_id)
    assert (await ask(client, f"Bearer {token}")).status_code == 401
    assert (await client.post("/api/auth/verify", json={"token": token})).status_code == 401


async def test_verify_tells_what_holds(client: httpx.AsyncClient, patient: Person) -> None:
    token = tokens.issue_access_token(patient.actor)
    body = (await client.post("/api/auth/verify", json={"token": token})).json()
    assert (body["valid"], body["user_id"], body["role"]) == (True, str(patient.id), "PATIENT")
    assert body["expires_at"].endswith("Z")
    assert (await client.post("/api/auth/verify", json={"token": "x.y.z"})).status_code == 401


async def test_a_new_key_signs_and_the_old_one_runs_out(client: httpx.AsyncClient, patient: Person) -> None:
    old = tokens.issue_access_token(patient.actor)
    with clock.freeze(clock.now() + timedelta(seconds=2)):
        tokens.rotate()
        new = tokens.issue_access_token(patient.actor)
        assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
        assert (await ask(client, f"Bearer {old}")).status_code == 200
        shown = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in shown] == [jwt.get_unverified_header(token)["kid"] for token in (new, old)]
        assert all(set(key) == {"kty", "crv", "alg", "use", "kid", "x"} for key in shown)
    with clock.freeze(clock.now() + keys.OVERLAP + timedelta(minutes=1)):
        assert len((await client.get("/.well-known/jwks.json")).json()["keys"]) == 1
        lasting = changed(iat=int(clock.now().timestamp()), exp=int(clock.now().timestamp()) + 60)
        assert (await ask(client, f"Bearer {lasting(claims_of(old))}")).status_code == 200
    assert (await ask(client, f"Bearer {new}")).status_code == 200


async def test_a_retired_key_signs_nothing_that_is_believed(client: httpx.AsyncClient, patient: Person) -> None:
    """Beyond its overlap: neither what it signed in time nor what somebody who kept it signs today."""
    retired, key = tokens.keyring().signer()
    replaced_at = clock.now() + timedelta(minutes=1)  # after every key of these tests
    with clock.freeze(replaced_at):
        tokens.rotate()
    for passed, expected in ((keys.OVERLAP - timedelta(seconds=5), 200), (keys.OVERLAP + timedelta(seconds=5), 401)):
        with clock.freeze(replaced_at + passed):
            claims = claims_of(tokens.issue_access_token(patient.actor))
            token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": retired, "typ": "at+jwt"})
            answer = await ask(client, f"Bearer {token}")
            assert answer.status_code == expected, passed
            verified = await client.post("/api/auth/verify", json={"token": token})
            assert verified.status_code == expected
    assert plain(answer) == plain(await ask(client, "Bearer x"))


async def test_the_published_key_checks_our_tokens(client: httpx.AsyncClient, patient: Person) -> None:
    token = tokens.issue_access_token(patient.actor)
    published = jwt.PyJWKSet.from_dict((await client.get("/.well-known/jwks.json")).json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience="care-portal-api")["sub"] == str(patient.id)
