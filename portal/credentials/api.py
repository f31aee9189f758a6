"""Passwords, for programs."""

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from portal.accounts.api import signed_in_tokens
from portal.accounts.schemas import Actor, LoginKind, SignedInTokens
from portal.credentials import actions
from portal.credentials.schemas import ForgottenPassword, PasswordChange, PasswordReset
from portal.web.guards import PUBLIC, SIGNED_IN_OR_WAITING
from portal.web.limits import FORGOTTEN, LOGIN


@post("/api/auth/forgotten-password", access=PUBLIC, limit=FORGOTTEN, status_code=202, tags=["Accounts"])
async def forgotten_password(data: JSONBody[ForgottenPassword]) -> None:
    """Mail a link to choose a new password. The answer is the same whether the address is known or not."""
    await actions.request_reset(data.email)


@post("/api/auth/reset-password", access=PUBLIC, limit=LOGIN, status_code=204, tags=["Accounts"])
async def reset_password(data: JSONBody[PasswordReset]) -> None:
    """Choose a password by the token of a mailed link; all logins end. Else: 409 `link_expired`."""
    await actions.reset_password(data.token, data.password)


@post("/api/auth/change-password", access=SIGNED_IN_OR_WAITING, status_code=200, tags=["Accounts"])
async def change_password(
    request: Request, actor: NamedDependency[Actor], data: JSONBody[PasswordChange]
) -> SignedInTokens:
    """Replace your own password. All logins end, this one too: go on with the new tokens."""
    agent = request.headers.get("user-agent", "")
    return signed_in_tokens(await actions.change_password(actor, data, LoginKind.API, agent))


handlers = [forgotten_password, reset_password, change_password]
