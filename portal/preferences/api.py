"""One's own account, for programs; reading it is `GET /api/auth/me` in accounts."""

from litestar import patch
from litestar.di import NamedDependency
from litestar.params import JSONBody

from portal.accounts.schemas import Actor, User
from portal.preferences import actions
from portal.preferences.schemas import AccountChange
from portal.web.guards import SIGNED_IN_OR_WAITING


@patch("/api/auth/me", access=SIGNED_IN_OR_WAITING, tags=["Accounts"])
async def change_me(actor: NamedDependency[Actor], data: JSONBody[AccountChange]) -> User:
    """Change your own names, phone number, time zone, language or appearance."""
    return await actions.change_account(actor, data)


handlers = [change_me]
