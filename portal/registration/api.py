"""Making an account, for programs."""

from litestar import Request, post
from litestar.params import JSONBody

from portal.accounts.api import signed_in_tokens
from portal.accounts.schemas import LoginKind, SignedInTokens
from portal.registration import actions
from portal.registration.schemas import Registration
from portal.web.guards import PUBLIC
from portal.web.limits import REGISTER


@post("/api/auth/register", access=PUBLIC, limit=REGISTER, tags=["Accounts"])
async def register(request: Request, data: JSONBody[Registration]) -> SignedInTokens:
    """Make an account and sign in. Staff roles wait for verification; a system admin is made by the command line."""
    agent = request.headers.get("user-agent", "")
    return signed_in_tokens(await actions.register(data, LoginKind.API, agent))


handlers = [register]
