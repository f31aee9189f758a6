"""Making accounts: by the person themselves, by invitation, and the first system admin by the command line."""

from typing import Any
from uuid import UUID

from portal import db
from portal.accounts import passwords, queries, tokens
from portal.accounts.actions import actor_of, start_login_in_tx
from portal.accounts.schemas import NO_ADDRESS, AccountStatus, Actor, LoginKind, Role, SignedIn, User
from portal.audit.actions import record_in_tx
from portal.credentials.actions import INVITATION_LIFETIME, issue_token_in_tx, reset_link
from portal.errors import Conflict
from portal.ids import uuid7
from portal.notifications.actions import mail_in_tx
from portal.outbox import emit_in_tx
from portal.registration.profiles import create_profile_in_tx, refuse_unknown_references_in_tx
from portal.registration.schemas import NewAccount, Registration
from portal.web import i18n
from portal.web.i18n import _

# The address decides, not a look beforehand: of two registrations at once one makes the account.
CREATE = """
INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, phone_number, time_zone, locale)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (email) DO NOTHING
RETURNING id
"""

OWNER = "SELECT id, locale FROM account WHERE email = $1"


@db.retried
async def register(data: Registration, kind: LoginKind, user_agent: str) -> SignedIn:
    """Make an account with its profile and sign it in. Patients can start at once, staff wait for verification.

    Raises `Conflict` (`email_taken`) when the address has an account: nothing of that account changes, and its owner
    gets a mail. Raises `Invalid` for a specialty or pharmacy that does not exist.
    """
    stored = await passwords.hash_password(data.password)
    status = AccountStatus.ACTIVE if data.role is Role.PATIENT else AccountStatus.PENDING_VERIFICATION
    async with db.as_portal(), db.transaction():  # the one who acts does not exist before it
        await refuse_unknown_references_in_tx(data)
        account_id = await create_account_in_tx(data, stored, status)
        if account_id:
            await create_profile_in_tx(account_id, data)
            login = await start_login_in_tx(account_id, data.role, kind, user_agent)
            user = await queries.user(account_id)
            await record_in_tx(actor_of(user, login), "user.register", subject_type="account", subject_id=account_id)
            await emit_registered_in_tx(user)
        else:
            await warn_owner_in_tx(data.email)
    if not account_id:
        raise address_taken()
    return SignedIn(user=user, login=login)


def address_taken() -> Conflict:
    """Says no without saying whose the address is."""
    return Conflict(
        "email_taken",
        _("We could not make an account with these details. If you already have one, log in or choose a new password."),
    )


async def warn_owner_in_tx(email: str) -> None:
    """Tell the owner of an address that somebody tried to make a second account with it; nothing else happens."""
    row = await db.fetch_row(OWNER, email)
    if row is None:
        return
    with i18n.speaking(row["locale"]):
        text = _(
            "Somebody, probably you, tried to make a Care Portal account with this address, which has one already.\n\n"
            "If you have forgotten your password, choose a new one here:\n%(link)s\n\n"
            "If it was not you, do nothing: your account is as it was.",
            link=tokens.absolute("/forgotten-password"),
        )
        await mail_in_tx(row["id"], email, _("You have an account already"), text)


async def invite_in_tx(inviter: Actor, data: NewAccount, place: str) -> UUID:
    """Make an account without a password and mail its owner a link to choose one. The new account's id.

    `place` is the name of the clinic or pharmacy that invites. Staff wait for verification as if they had registered.
    Raises `Conflict` (`email_taken`) for an address that has an account: nobody's account is ever taken over.
    """
    async with db.as_portal():  # an account, a profile and a token of somebody else
        account_id, token = await _create_invited_in_tx(data)
        invited = await queries.user(account_id)
    text = _(
        "%(place)s has made a Care Portal account for you.\n\n"
        "Choose your password here within seven days:\n%(link)s\n\n"
        "If you do not know them, do nothing: without a password nobody can use the account.",
        place=place,
        link=reset_link(token),
    )
    await mail_in_tx(account_id, data.email, _("An account for you at Care Portal"), text)
    await record_in_tx(inviter, "user.invite", subject_type="account", subject_id=account_id)
    await emit_registered_in_tx(invited)
    return account_id


async def admit_in_tx(staff: Actor, facts: dict[str, Any]) -> UUID:
    """Make an account for somebody who stands at the front desk and gives no address: nobody can sign in to it.

    It has neither a password nor an address that any mail reaches, so nothing can be chosen, asked for or guessed.
    """
    async with db.as_portal():  # an account and a profile of somebody else
        account_id = await _create_without_password_in_tx(NewAccount(email=f"{uuid7()}{NO_ADDRESS}", **facts))
        admitted = await queries.user(account_id)
    await record_in_tx(staff, "user.admit", subject_type="account", subject_id=account_id)
    await emit_registered_in_tx(admitted)
    return account_id


async def _create_invited_in_tx(data: NewAccount) -> tuple[UUID, str]:
    """The account with its profile, and the token that lets its owner choose a password."""
    account_id = await _create_without_password_in_tx(data)
    return account_id, await issue_token_in_tx(account_id, INVITATION_LIFETIME)


async def _create_without_password_in_tx(data: NewAccount) -> UUID:
    await refuse_unknown_references_in_tx(data)
    status = AccountStatus.ACTIVE if data.role is Role.PATIENT else AccountStatus.PENDING_VERIFICATION
    account_id = await create_account_in_tx(data, None, status)
    if account_id is None:
        raise address_taken()
    await create_profile_in_tx(account_id, data)
    return account_id


@db.retried
async def create_system_admin(email: str, password: str, first_name: str, last_name: str) -> UUID:
    """Make a system admin, who can sign in at once; for the command line only, no route leads here.

    Raises `Conflict` (`email_taken`) for an address that has an account.
    """
    stored = await passwords.hash_password(password)
    async with db.transaction():
        account_id: UUID | None = await db.fetch_value(
            CREATE,
            uuid7(),
            email,
            stored,
            Role.SYSTEM_ADMIN,
            AccountStatus.ACTIVE,
            first_name,
            last_name,
            None,
            "UTC",
            "en",
        )
        if account_id is None:
            raise address_taken()
        await record_in_tx(None, "user.create_admin", subject_type="account", subject_id=account_id)
        await emit_registered_in_tx(await queries.user(account_id))
    return account_id


async def create_account_in_tx(data: NewAccount, stored: str | None, status: AccountStatus) -> UUID | None:
    """The new account's id, or None when the address has one already."""
    created: UUID | None = await db.fetch_value(
        CREATE,
        uuid7(),
        data.email,
        stored,
        data.role,
        status,
        data.first_name,
        data.last_name,
        data.phone_number,
        data.time_zone,
        i18n.language(),
    )
    return created


async def emit_registered_in_tx(user: User) -> None:
    """Tell integrators of a new account."""
    await emit_in_tx(
        "user.registered", user.id, {"user_id": str(user.id), "role": user.role.value, "status": user.status.value}
    )
