"""Deciding about accounts: verified, suspended, reinstated. Each is one guarded statement with its trace."""

from uuid import UUID

from portal import db
from portal.accounts import tokens
from portal.accounts.actions import end_logins_in_tx
from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.admin import policy, queries
from portal.admin.schemas import AdminUser
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, Forbidden
from portal.notifications.actions import mail_in_tx
from portal.outbox import emit_in_tx
from portal.web import i18n
from portal.web.i18n import _

MOVE = "UPDATE account SET status = $3, status_reason = $4 WHERE id = $1 AND status = $2"

OPEN_CLINICS = """
UPDATE clinic SET active = true
WHERE NOT active AND id IN (SELECT clinic_id FROM clinic_admin WHERE account_id = $1)
"""
OPEN_PHARMACY = """
UPDATE pharmacy SET active = true
WHERE NOT active AND id = (SELECT pharmacy_id FROM pharmacist WHERE account_id = $1)
"""


@db.retried
async def verify_user(actor: Actor, account_id: UUID) -> AdminUser:
    """Let an account that waits begin, with the clinic or pharmacy that it registered.

    Raises `NotFound`, or `Conflict` (`wrong_status`) when it does not wait.
    """
    async with db.transaction():
        user = await move_in_tx(actor, account_id, AccountStatus.PENDING_VERIFICATION, AccountStatus.ACTIVE, "verify")
        if user.role is Role.CLINIC_ADMIN:
            await db.execute(OPEN_CLINICS, account_id)
        if user.role is Role.PHARMACY:
            await db.execute(OPEN_PHARMACY, account_id)
        await emit_in_tx("user.verified", account_id, payload(user))
        with i18n.speaking(user.locale):
            text = _(
                "We have checked your details. Your Care Portal account is ready:\n%(link)s",
                link=tokens.absolute("/login"),
            )
            await mail_in_tx(account_id, user.email, _("Your account is ready"), text)
        return user


@db.retried
async def suspend_user(actor: Actor, account_id: UUID, reason: str | None) -> AdminUser:
    """Shut an account out at once: all its logins end with the same commit.

    Raises `NotFound`, `Forbidden` for one's own account, `Conflict` (`wrong_status`) when it is not active.
    """
    if not policy.may_suspend(actor, account_id):
        raise Forbidden(_("You cannot suspend your own account."))
    async with db.transaction():
        user = await move_in_tx(actor, account_id, AccountStatus.ACTIVE, AccountStatus.SUSPENDED, "suspend", reason)
        async with db.as_portal():  # an admin sees accounts, but nobody's logins
            await end_logins_in_tx(account_id, "account suspended")
        await emit_in_tx("user.suspended", account_id, payload(user))
        return user


@db.retried
async def reinstate_user(actor: Actor, account_id: UUID) -> AdminUser:
    """Let a suspended account in again. Raises `NotFound`, or `Conflict` (`wrong_status`) when it is not suspended."""
    async with db.transaction():
        return await move_in_tx(actor, account_id, AccountStatus.SUSPENDED, AccountStatus.ACTIVE, "reinstate")


async def move_in_tx(
    actor: Actor, account_id: UUID, before: AccountStatus, after: AccountStatus, verb: str, reason: str | None = None
) -> AdminUser:
    """One transition of the account's state machine, guarded and audited."""
    if not await db.execute(MOVE, account_id, before, after, reason):
        user = await queries.user(account_id)
        raise Conflict("wrong_status", _("This account is in another state by now."), current_status=user.status)
    await record_in_tx(actor, f"user.{verb}", subject_type="account", subject_id=account_id, reason=reason)
    return await queries.user(account_id)


def payload(user: AdminUser) -> dict[str, str]:
    """What integrators hear of an account: never a name."""
    return {"user_id": str(user.id), "role": user.role.value, "status": user.status.value}
