"""`Idempotency-Key` on every POST of the API: one effect a key, and the first answer again for whoever repeats it.

A request claims its key before it works. The action's own transaction marks the key as done in its last statement, so
effect and key cannot diverge: a claim that someone else has taken over in the meantime makes that transaction fail.
The answer is sealed and stored afterwards. What a crash leaves behind:

* before the commit: nothing happened; the claim is free again after `CLAIM_SECONDS`,
* between commit and answer: the key stays done, and repeating it tells so (409 `request_done`).
"""

import re
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from portal import db
from portal.accounts import tokens
from portal.errors import Conflict, DomainError, Malformed
from portal.faults import fault
from portal.web import problems
from portal.web.i18n import _
from portal.web.request import StrictRequest

CLAIM_SECONDS = 60  # a request that works for longer than this has lost its claim, and with it its transaction
KEPT_HOURS = 24  # a schedule of the worker deletes older rows; correctness does not wait for it
LONGEST_ANSWER = 1024 * 1024
KEY = re.compile(r"[\x21\x23-\x26\x28-\x7e]{1,255}")
BOUNDARY = re.compile(rb'multipart/form-data;.*boundary="?([^";]+)', re.IGNORECASE)
NOT_KEPT = frozenset({401, 403, 429})  # they tell of the moment, not of the request
KEPT_HEADERS = (b"content-type", b"location")

CLAIM = """
INSERT INTO idempotency_key AS k (scope, key, request_hash, claim) VALUES ($1, $2, $3, $4)
ON CONFLICT (scope, key) DO UPDATE
SET request_hash = $3, claim = $4, claimed_at = clock_timestamp(), created_at = clock_timestamp(),
    done_at = NULL, answer = NULL
WHERE k.created_at < clock_timestamp() - make_interval(hours => $6)
   OR k.done_at IS NULL AND k.answer IS NULL AND k.request_hash = $3
      AND k.claimed_at < clock_timestamp() - make_interval(secs => $5)
RETURNING claim
"""
FOUND = """
SELECT request_hash, answer, done_at IS NOT NULL AS done,
       claimed_at > clock_timestamp() - make_interval(secs => $3) AS running
FROM idempotency_key WHERE scope = $1 AND key = $2
"""
MARK = "UPDATE idempotency_key SET done_at = clock_timestamp() WHERE scope = $1 AND key = $2 AND claim = $3"
ANSWER = "UPDATE idempotency_key SET answer = $4 WHERE scope = $1 AND key = $2 AND claim = $3"
RELEASE = "DELETE FROM idempotency_key WHERE scope = $1 AND key = $2 AND claim = $3 AND done_at IS NULL"


class KeyReused(DomainError):
    """The same key came with another request (422)."""

    status, code = 422, "key_reused"

    def __init__(self) -> None:
        super().__init__(_("This Idempotency-Key was used for another request."))


class Answer(msgspec.Struct, array_like=True):
    """What was answered, as it is kept."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Claim(msgspec.Struct, frozen=True):
    """One key in the hands of one request."""

    scope: UUID
    key: str
    request_hash: bytes
    id: UUID

    async def take(self) -> Answer | None:
        """None when the work is ours to do, else the first answer. Raises `Conflict` and `KeyReused`."""
        for _attempt in range(3):
            if await db.fetch_value(CLAIM, *self._key, self.request_hash, self.id, CLAIM_SECONDS, KEPT_HOURS):
                return None
            found = await db.fetch_row(FOUND, *self._key, CLAIM_SECONDS)
            if found is not None:
                return self._first_answer(found)
        raise self.still_running()

    def _first_answer(self, found: Any) -> Answer:
        if found["request_hash"] != self.request_hash:
            raise KeyReused
        if found["answer"] is not None:
            return opened(found["answer"], self._label)
        if found["done"] and not found["running"]:
            raise already_done()
        raise self.still_running()

    @staticmethod
    def still_running() -> Conflict:
        return Conflict("request_running", _("A request with this Idempotency-Key is still being worked on."))

    async def mark(self) -> None:
        """The last statement of the action's transaction. Raises `Conflict` when the claim has gone to another request."""
        if not await db.execute(MARK, *self._key, self.id):
            raise self.still_running()

    async def finish(self, answer: Answer) -> None:
        """Keep the answer, or let the key go when it says nothing about the request itself."""
        if answer.status >= 500 or answer.status in NOT_KEPT or len(answer.body) > LONGEST_ANSWER:
            await db.execute(RELEASE, *self._key, self.id)
        else:
            await db.execute(ANSWER, *self._key, self.id, sealed(answer, self._label))

    @property
    def _key(self) -> tuple[UUID, str]:
        return self.scope, self.key

    @property
    def _label(self) -> bytes:
        return self.scope.bytes + self.key.encode()


def already_done() -> Conflict:
    text = _("This request was carried out, but its answer was lost. Look at the present state before you ask again.")
    return Conflict("request_done", text)


def sealed(answer: Answer, label: bytes) -> bytes:
    """Answers may hold tokens: the database alone does not give them away."""
    nonce = token_bytes(12)
    return nonce + AESGCM(tokens.secret("idempotency")).encrypt(nonce, msgspec.msgpack.encode(answer), label)


def opened(stored: bytes, label: bytes) -> Answer:
    """Raises `Conflict` when the answer was sealed by a key that is gone."""
    try:
        plain = AESGCM(tokens.secret("idempotency")).decrypt(stored[:12], stored[12:], label)
    except InvalidTag:
        raise already_done() from None
    return msgspec.msgpack.decode(plain, type=Answer)


class Idempotency(ASGIMiddleware):
    """After the authentication, around the handler of every POST below /api."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        keys = [value.decode("latin-1") for name, value in scope["headers"] if name == b"idempotency-key"]
        if not keys or scope.get("method") != "POST" or not scope["path"].startswith("/api/"):
            await next_app(scope, receive, send)
            return
        if len(keys) > 1 or not KEY.fullmatch(keys[0]):
            raise Malformed(_("An Idempotency-Key has 1 to 255 printable characters, without spaces and quotes."))
        body = await StrictRequest(scope, receive).body()
        claim = claim_for(scope, keys[0], body)
        await fault("before_claim")
        first = await claim.take()
        if first is not None:
            await send_again(first, send)
        else:
            await fault("after_claim")
            await work(claim, next_app, scope, replaying(body, receive), send)


async def work(claim: Claim, inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and keep the answer before its last byte is out."""
    answer = Answer(500, [], b"")

    async def keeping(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [pair for pair in message["headers"] if pair[0].lower() in KEPT_HEADERS]
        elif message["type"] == "http.response.body":
            answer.body += message["body"]
            if not message.get("more_body"):
                await fault("before_keeping")
                await _kept(claim, answer)
                await fault("before_answer")
        await send(message)

    async def mark() -> None:
        """A task that outlives its request inherits this step, and must not be bound by it."""
        if working:
            await claim.mark()

    working = True
    try:
        with db.before_commit(mark):
            await inner(scope, receive, keeping)
    finally:
        working = False


async def _kept(claim: Claim, answer: Answer) -> None:
    """The effect stands whether or not its answer could be kept: the caller gets it all the same."""
    try:
        await claim.finish(answer)
    except (DomainError, OSError) as error:
        problems.logger.warning("an answer could not be kept for its key: %s", type(error).__name__)


def claim_for(scope: Any, key: str, body: bytes) -> Claim:
    """Keys of one account mean nothing to another; those of visitors belong to the path."""
    asked = b"\n".join(
        [scope["method"].encode(), scope["path"].encode(), scope["query_string"], comparable(scope, body)]
    )
    actor = scope.get("user")
    owner = actor.id if actor is not None else UUID(bytes=sha256(scope["path"].encode()).digest()[:16])
    return Claim(owner, key, sha256(asked).digest(), uuid4())


def comparable(scope: Any, body: bytes) -> bytes:
    """The body as it is compared: an upload that is sent again has another boundary between its parts."""
    for name, value in scope["headers"]:
        if name == b"content-type" and (found := BOUNDARY.match(value)):
            return body.replace(b"--" + found[1], b"--")
    return body


def replaying(body: bytes, receive: Receive) -> Receive:
    """The body once more for the handler, then whatever else the server has to say."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return again


async def send_again(answer: Answer, send: Callable[[Any], Any]) -> None:
    start = {"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)}
    headers = MutableScopeHeaders.from_message(start)  # type: ignore[arg-type]
    headers["Content-Length"] = str(len(answer.body))
    headers["Idempotent-Replayed"] = "true"
    await send(start)
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
