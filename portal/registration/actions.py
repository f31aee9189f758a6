"""Making accounts: by the person themselves, by invitation, and the first system admin by the command line."""

from uuid import UUID

from portal import db
from portal.accounts import passwords, queries
from portal.accounts.actions import actor_of, start_login_in_tx
from portal.accounts.schemas import AccountStatus, LoginKind, Role, SignedIn, User
from portal.audit.actions import record_in_tx
from portal.errors import Conflict
from portal.ids import uuid7
from portal.outbox import emit_in_tx
from portal.registration.profiles import create_profile_in_tx, refuse_unknown_references_in_tx
from portal.registration.schemas import Registration
from portal.web import i18n
from portal.web.i18n import _

# The address decides, not a look beforehand: of two registrations at once one makes the account.
CREATE = """
INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, phone_number, time_zone, locale)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (email) DO NOTHING
RETURNING id
"""


async def register(data: Registration, kind: LoginKind, user_agent: str) -> SignedIn:
    """Make an account with its profile and sign it in. Patients can start at once, staff wait for verification.

    Raises `Conflict` (`email_taken`) when the address has an account: nothing of that account changes, and its owner
    gets a mail. Raises `Invalid` for a specialty or pharmacy that does not exist.
    """
    stored = await passwords.hash_password(data.password)
    status = AccountStatus.ACTIVE if data.role is Role.PATIENT else AccountStatus.PENDING_VERIFICATION
    async with db.transaction():
        await refuse_unknown_references_in_tx(data)
        account_id = await create_account_in_tx(data, stored, status)
        if account_id:
            await create_profile_in_tx(account_id, data)
            login = await start_login_in_tx(account_id, data.role, kind, user_agent)
            user = await queries.user(account_id)
            await record_in_tx(actor_of(user, login), "user.register", subject_type="account", subject_id=account_id)
            await emit_registered_in_tx(user)
    if not account_id:
        raise address_taken()
    return SignedIn(user=user, login=login)


def address_taken() -> Conflict:
    return Conflict(
        "email_taken",
        _("We could not make an account with these details. If you already have one, log in or choose a new password."),
    )


async def create_account_in_tx(data: Registration, stored: str | None, status: AccountStatus) -> UUID | None:
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
    await emit_in_tx(
        "user.registered", user.id, {"user_id": str(user.id), "role": user.role.value, "status": user.status.value}
    )
