"""Choosing a password: the first one after an invitation, a new one when it is forgotten, another one at will."""

import secrets
from datetime import timedelta
from uuid import UUID

import anyio

from portal import db
from portal.accounts import passwords, queries, tokens
from portal.accounts.actions import actor_of, end_logins_in_tx, start_login_in_tx
from portal.accounts.schemas import Actor, LoginKind, SignedIn
from portal.audit.actions import record_in_tx
from portal.credentials.schemas import PasswordChange
from portal.errors import Conflict, FieldError, Invalid
from portal.notifications.actions import mail_in_tx
from portal.web import i18n, limits
from portal.web.i18n import _

RESET_LIFETIME = timedelta(hours=1)
INVITATION_LIFETIME = timedelta(days=7)
ANSWER_SECONDS = 0.25  # every request for a reset takes this long, whether the address is known or not

# One mail a minute at most: nobody's inbox is filled by somebody else.
WHO_MAY_RESET = """
SELECT a.id, a.locale FROM account a
WHERE a.email = $1 AND a.status <> 'SUSPENDED' AND NOT EXISTS (
    SELECT FROM password_reset r WHERE r.account_id = a.id AND r.created_at > clock_timestamp() - interval '1 minute')
"""

ISSUE = "INSERT INTO password_reset (token_hash, account_id, expires_at) VALUES ($1, $2, clock_timestamp() + $3)"

SPEND = """
UPDATE password_reset SET used_at = clock_timestamp()
WHERE token_hash = $1 AND used_at IS NULL AND expires_at > clock_timestamp()
RETURNING account_id
"""

SPEND_OTHERS = "UPDATE password_reset SET used_at = clock_timestamp() WHERE account_id = $1 AND used_at IS NULL"

SET_PASSWORD = "UPDATE account SET password_hash = $2 WHERE id = $1"  # noqa: S105  # SQL
REPLACE_PASSWORD = "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2"  # noqa: S105  # SQL

STORED = "SELECT password_hash FROM account WHERE id = $1"


@db.retried
async def request_reset(email: str) -> None:
    """Mail a link to choose a new password, if the address has an account. The answer never tells."""
    until = anyio.current_time() + ANSWER_SECONDS
    async with db.as_portal(), db.transaction():  # the mail's reader is the owner, whoever asked for it
        row = await db.fetch_row(WHO_MAY_RESET, email)
        if row:
            token = await issue_token_in_tx(row["id"], RESET_LIFETIME)
            with i18n.speaking(row["locale"]):
                await mail_in_tx(row["id"], email, _("Choose a new password"), reset_text(token))
            await record_in_tx(None, "password.forgotten", subject_type="account", subject_id=row["id"])
    await anyio.sleep_until(until)


def reset_text(token: str) -> str:
    """The mail, in the language of the moment."""
    return _(
        "Somebody, probably you, asked for a new password for your Care Portal account.\n\n"
        "Choose it here within one hour:\n%(link)s\n\n"
        "If it was not you, do nothing: your password stays as it is.",
        link=reset_link(token),
    )


def reset_link(token: str) -> str:
    """The page where the holder of a token chooses a password."""
    return tokens.absolute(f"/reset-password/{token}")


async def issue_token_in_tx(account_id: UUID, lifetime: timedelta) -> str:
    """A token that lets its holder choose the account's password once."""
    token = secrets.token_urlsafe(32)
    await db.execute(ISSUE, tokens.token_hash(token), account_id, lifetime)
    return token


@db.retried
async def reset_password(token: str, password: str) -> None:
    """Choose a password by a mailed token. All logins end, and all other such tokens with them.

    Raises `Conflict` (`link_expired`) for a token that was used, has run out or never was.
    """
    stored = await passwords.hash_password(password)
    async with db.as_portal(), db.transaction():  # whoever holds the token is the owner
        account_id = await db.fetch_value(SPEND, tokens.token_hash(token))
        if account_id is None:
            raise link_expired()
        await db.execute(SPEND_OTHERS, account_id)
        await db.execute(SET_PASSWORD, account_id, stored)
        await end_logins_in_tx(account_id, "password reset")
        await record_in_tx(None, "password.reset", subject_type="account", subject_id=account_id)
        await tell_of_change_in_tx(account_id)


def link_expired() -> Conflict:
    """One answer for a token that was used, has run out or never was."""
    return Conflict("link_expired", _("This link was used already or has run out. Ask for a new one."))


@db.retried
async def change_password(actor: Actor, data: PasswordChange, kind: LoginKind, user_agent: str) -> SignedIn:
    """Replace one's own password. Every login ends, and a new one begins here.

    Raises `Invalid` when the present password is wrong, `Conflict` when it was changed in the meantime.
    """
    await limits.attempt("password", str(actor.id))
    before = await db.fetch_value(STORED, actor.id)
    if not await passwords.is_password(data.current_password, before):
        raise Invalid([FieldError("current_password", _("This is not your present password."))])
    await limits.succeeded("password", str(actor.id))
    stored = await passwords.hash_password(data.new_password)
    async with db.transaction():
        if not await db.execute(REPLACE_PASSWORD, actor.id, before, stored):
            raise Conflict("password_changed", _("Your password was changed somewhere else just now."))
        await db.execute(SPEND_OTHERS, actor.id)
        await end_logins_in_tx(actor.id, "password changed")
        login = await start_login_in_tx(actor.id, actor.role, kind, user_agent)
        user = await queries.user(actor.id)
        await record_in_tx(actor_of(user, login), "password.change", subject_type="account", subject_id=actor.id)
        await tell_of_change_in_tx(actor.id)
    return SignedIn(user=user, login=login)


async def tell_of_change_in_tx(account_id: UUID) -> None:
    """The owner hears of every change, so that a stolen account is noticed."""
    user = await queries.user(account_id)
    with i18n.speaking(user.locale):
        text = _(
            "The password of your Care Portal account was changed, and all other logins have ended.\n\n"
            "If it was not you, choose a new password at once:\n%(link)s",
            link=tokens.absolute("/forgotten-password"),
        )
        await mail_in_tx(account_id, user.email, _("Your password was changed"), text)
