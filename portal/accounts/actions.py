"""Signing in and out. A login is a row: it begins here, is checked on every request, and ends here."""

import secrets
from datetime import timedelta
from uuid import UUID

import asyncpg

from portal import db, live, metrics
from portal.accounts import passwords, queries, tokens
from portal.accounts.schemas import (
    AccountStatus,
    Actor,
    LoginKind,
    NewLogin,
    Role,
    SignedIn,
    TokenCheck,
    TokenPair,
    User,
)
from portal.audit.actions import record_in_tx
from portal.errors import NotFound, Unauthorized
from portal.ids import uuid7
from portal.web import limits
from portal.web.i18n import _
from portal.web.requests import request_id

PATIENT_LIFETIME = timedelta(days=30)
STAFF_LIFETIME = timedelta(hours=12)  # one working day at the screen
API_LIFETIME = timedelta(days=30)  # from the last refresh
GRACE = timedelta(seconds=20)  # a lost answer may be asked for again

# Who it is, the password shows: until then the database itself gives the one row of an address (see migration m0069).
BY_EMAIL = "SELECT * FROM account_to_sign_in($1)"

NEW_HASH = "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2"

BEGIN = """
INSERT INTO login (id, account_id, kind, secret_hash, user_agent, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6)
RETURNING expires_at
"""

# Everything that a right password leads to: see migration m0085. No row when the account is suspended now.
SIGN_IN = (
    "SELECT s.login_expires_at,"
    + queries.USER_COLUMNS
    + "FROM sign_in($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) s CROSS JOIN LATERAL (SELECT (s.who).*) a"
)

ISSUE = """
INSERT INTO refresh_token (token_hash, login_id, expires_at) VALUES ($1, $2, clock_timestamp() + $3)
ON CONFLICT (token_hash) DO NOTHING
"""

SPEND = """
UPDATE refresh_token t SET used_at = clock_timestamp()
FROM login l JOIN account a ON a.id = l.account_id
WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > clock_timestamp()
  AND l.id = t.login_id AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp() AND a.status <> 'SUSPENDED'
RETURNING l.id AS login_id, a.id AS account_id, a.role
"""

SPENT = """
SELECT l.id AS login_id, a.id AS account_id, a.role, t.used_at > clock_timestamp() - $2::interval AS within_grace
FROM refresh_token t JOIN login l ON l.id = t.login_id JOIN account a ON a.id = l.account_id
WHERE t.token_hash = $1 AND t.used_at IS NOT NULL AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp()
  AND a.status <> 'SUSPENDED'
"""

PROLONG = """
UPDATE login SET expires_at = clock_timestamp() + $2, last_seen_at = clock_timestamp()
WHERE id = $1 AND revoked_at IS NULL
"""

END = """
UPDATE login SET revoked_at = clock_timestamp(), revoked_reason = $3
WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL AND expires_at > clock_timestamp()
"""

END_ALL = """
UPDATE login SET revoked_at = clock_timestamp(), revoked_reason = $2
WHERE account_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $3
"""


@db.retried
async def log_in(
    email: str, password: str, kind: LoginKind, user_agent: str, *, replacing: Actor | None = None
) -> SignedIn:
    """Sign in by password. Raises `Unauthorized`, the same in words and time for an unknown address, and `TooMany`
    after several wrong passwords in a row.

    `replacing` is whoever was signed in on this browser before: that login ends.
    """
    await limits.attempt("login", email)
    row = await db.fetch_row(BY_EMAIL, email, public=True)
    known = await passwords.is_password(password, row["password_hash"] if row else None)
    if row is None or not known or row["status"] == AccountStatus.SUSPENDED:
        raise wrong_credentials()
    await limits.succeeded("login", email)
    fresh = await passwords.hash_password(password) if passwords.is_outdated(row["password_hash"]) else None
    is_all = not fresh and not replacing
    async with db.as_portal(), db.one_trip() if is_all else db.transaction():
        if fresh:
            await db.execute(NEW_HASH, row["id"], row["password_hash"], fresh)
        if replacing:
            await db.execute(END, replacing.login_id, replacing.id, "signed in anew")
        return await sign_in_in_tx(row["id"], Role(row["role"]), kind, user_agent)


def wrong_credentials() -> Unauthorized:
    """One answer for an unknown address, a wrong password and a suspended account; each is counted."""
    metrics.LOGIN_FAILURES.inc()
    return Unauthorized(_("The e-mail address or the password is not right."))


async def sign_in_in_tx(account_id: UUID, role: Role, kind: LoginKind, user_agent: str) -> SignedIn:
    """Begin a login by password and write down that it began. Raises `Unauthorized` when the account is suspended now."""
    login_id, secret = uuid7(), secrets.token_urlsafe(32)
    row = await db.call(
        SIGN_IN, login_id, account_id, kind, cookie_hash(kind, secret), tokens.token_hash(secret), user_agent[:300],
        lifetime_of(role, kind), role, request_id(),
    )  # fmt: skip
    if row is None:
        raise wrong_credentials()
    login = NewLogin(login_id=login_id, secret=secret, expires_at=row["login_expires_at"])
    return SignedIn(user=queries.user_of(row), login=login)


async def start_login_in_tx(account_id: UUID, role: Role, kind: LoginKind, user_agent: str) -> NewLogin:
    """Begin a login with a new id and a new secret; nothing of an earlier one is kept."""
    login_id, secret, lifetime = uuid7(), secrets.token_urlsafe(32), lifetime_of(role, kind)
    hashed = cookie_hash(kind, secret)
    expires_at = await db.fetch_value(BEGIN, login_id, account_id, kind, hashed, user_agent[:300], lifetime)
    if kind is LoginKind.API:
        await db.execute(ISSUE, tokens.token_hash(secret), login_id, lifetime)
    return NewLogin(login_id=login_id, secret=secret, expires_at=expires_at)


def lifetime_of(role: Role, kind: LoginKind) -> timedelta:
    """How long a login lasts that nobody ends."""
    return API_LIFETIME if kind is LoginKind.API else PATIENT_LIFETIME if role is Role.PATIENT else STAFF_LIFETIME


def cookie_hash(kind: LoginKind, secret: str) -> bytes | None:
    """Programs know their login by its tokens; a cookie with the same secret would be a second way in."""
    return tokens.token_hash(secret) if kind is LoginKind.PAGE else None


def token_pair(account_id: UUID, role: Role, login_id: UUID, refresh_token: str) -> TokenPair:
    """The two tokens of an API login."""
    return TokenPair(
        access_token=tokens.new_access_token(account_id, role, login_id),
        refresh_token=refresh_token,
        expires_in=int(tokens.LIFETIME.total_seconds()),
    )


@db.retried
async def refresh(refresh_token: str) -> TokenPair:
    """Exchange a refresh token for its successor and a new access token.

    A token counts once. Asked again within `GRACE` (several requests at once, a lost answer) it gives the same
    successor; asked later it has been stolen or copied, and the whole login ends. Raises `Unauthorized`.
    """
    successor, used = tokens.successor(refresh_token), tokens.token_hash(refresh_token)
    async with db.as_portal(), db.transaction():  # whoever holds the token is its owner
        row = await db.fetch_row(SPEND, used)
        if row:
            await db.execute(ISSUE, tokens.token_hash(successor), row["login_id"], API_LIFETIME)
            await db.execute(PROLONG, row["login_id"], API_LIFETIME)
        else:
            row = await replayed_in_tx(used)
    if row is None:
        raise Unauthorized
    return token_pair(row["account_id"], Role(row["role"]), row["login_id"], successor)


async def replayed_in_tx(used: bytes) -> asyncpg.Record | None:
    """The login of a token used a moment ago; None, with the login ended, when that was longer ago."""
    row = await db.fetch_row(SPENT, used, GRACE)
    if row is None or row["within_grace"]:
        return row
    if await db.execute(END, row["login_id"], row["account_id"], "refresh token used twice"):
        await record_in_tx(
            None, "login.replayed", subject_type="login", subject_id=row["login_id"], outcome="DENIED", reason="replay"
        )
    return None


async def check_token(token: str) -> TokenCheck:
    """Whether an access token holds now. Raises `Unauthorized` when it does not."""
    claims = tokens.read_token(token)
    async with db.as_portal():  # a program asks about somebody's token, with the token in its hand
        is_live = await queries.is_live_login(claims.login_id, claims.account_id, claims.role)
    if not is_live:
        raise Unauthorized
    return TokenCheck(valid=True, user_id=claims.account_id, role=claims.role, expires_at=claims.expires_at)


@db.retried
async def log_out(actor: Actor, *, everywhere: bool = False) -> None:
    """End this login, or all of them."""
    async with db.transaction():
        if everywhere:
            await end_logins_in_tx(actor.id, "logged out everywhere")
        else:
            await db.execute(END, actor.login_id, actor.id, "logged out")
            live.recheck_user(actor.id)
        action = "login.end_all" if everywhere else "login.end"
        await record_in_tx(actor, action, subject_type="login", subject_id=actor.login_id)


@db.retried
async def end_login(actor: Actor, login_id: UUID) -> None:
    """End one of the actor's own logins. Raises `NotFound` for anybody else's."""
    async with db.transaction():
        if not await db.execute(END, login_id, actor.id, "ended by its owner"):
            raise NotFound
        live.recheck_user(actor.id)
        await record_in_tx(actor, "login.end", subject_type="login", subject_id=login_id)


@db.retried
async def end_other_logins(actor: Actor) -> None:
    """End all of the actor's logins but this one."""
    async with db.transaction():
        await end_logins_in_tx(actor.id, "ended by its owner", keep=actor.login_id)
        await record_in_tx(actor, "login.end_others", subject_type="account", subject_id=actor.id)


async def end_logins_in_tx(account_id: UUID, reason: str, *, keep: UUID | None = None) -> int:
    """End every login of an account, but perhaps one, and its open live streams; how many logins there were."""
    live.recheck_user(account_id)
    return await db.execute(END_ALL, account_id, reason, keep)


def actor_of(user: User, login: NewLogin) -> Actor:
    """The person who has just signed in, as an actor."""
    return Actor(
        id=user.id,
        role=user.role,
        status=user.status,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        locale=user.locale,
        time_zone=user.time_zone,
        appearance=user.appearance,
        login_id=login.login_id,
        clinic_ids=tuple(user.clinic_ids),
        pharmacy_id=user.pharmacy_id,
    )
