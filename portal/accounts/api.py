"""Signing in and out, for programs."""

from uuid import UUID

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from portal.accounts import actions, queries, tokens
from portal.accounts.schemas import (
    Actor,
    Credentials,
    LoginKind,
    LoginList,
    LogoutRequest,
    RefreshRequest,
    SignedIn,
    SignedInTokens,
    TokenCheck,
    TokenPair,
    User,
    VerifyRequest,
)
from portal.web.guards import ANYBODY, PUBLIC, SIGNED_IN_OR_WAITING
from portal.web.limits import LOGIN


def signed_in_tokens(signed_in: SignedIn) -> SignedInTokens:
    """Who signed in, with the first pair of tokens."""
    user, login = signed_in.user, signed_in.login
    pair = actions.token_pair(user.id, user.role, login.login_id, login.secret)
    return SignedInTokens(
        user=user, access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in=pair.expires_in
    )


@post("/api/auth/login", access=PUBLIC, limit=LOGIN, status_code=200, tags=["Accounts"])
async def log_in(request: Request, data: JSONBody[Credentials]) -> SignedInTokens:
    """Sign in with e-mail and password."""
    agent = request.headers.get("user-agent", "")
    return signed_in_tokens(await actions.log_in(data.email, data.password, LoginKind.API, agent))


@post("/api/auth/refresh", access=ANYBODY, status_code=200, tags=["Accounts"])
async def refresh(data: JSONBody[RefreshRequest]) -> TokenPair:
    """Exchange a refresh token, once, for the next pair. A used one again ends the login."""
    return await actions.refresh(data.refresh_token)


@post("/api/auth/verify", access=ANYBODY, status_code=200, tags=["Accounts"])
async def verify(data: JSONBody[VerifyRequest]) -> TokenCheck:
    """Whether an access token holds now; 401 when it does not."""
    return await actions.check_token(data.token)


@post("/api/auth/logout", access=SIGNED_IN_OR_WAITING, status_code=204, tags=["Accounts"])
async def log_out(actor: NamedDependency[Actor], data: JSONBody[LogoutRequest | None] = None) -> None:
    """End this login, or with `everywhere` all of them; no body is needed."""
    await actions.log_out(actor, everywhere=data is not None and data.everywhere)


@get("/api/auth/me", access=SIGNED_IN_OR_WAITING, tags=["Accounts"])
async def me(actor: NamedDependency[Actor]) -> User:
    """The account that is signed in."""
    return await queries.me(actor)


@get("/api/auth/logins", access=SIGNED_IN_OR_WAITING, tags=["Accounts"])
async def own_logins(actor: NamedDependency[Actor]) -> LoginList:
    """Where this account is signed in."""
    return LoginList(await queries.own_logins(actor))


@delete("/api/auth/logins/{login_id:uuid}", access=SIGNED_IN_OR_WAITING, tags=["Accounts"])
async def end_login(actor: NamedDependency[Actor], login_id: FromPath[UUID]) -> None:
    """End one of your own logins."""
    await actions.end_login(actor, login_id)


@delete("/api/auth/logins", access=SIGNED_IN_OR_WAITING, tags=["Accounts"])
async def end_other_logins(actor: NamedDependency[Actor]) -> None:
    """End all of your logins but the one that asks."""
    await actions.end_other_logins(actor)


@get("/.well-known/jwks.json", access=ANYBODY, tags=["Accounts"])
async def jwks() -> Response[dict[str, list[dict[str, str]]]]:
    """The public keys of access tokens."""
    return Response(tokens.public_keys(), headers={"Cache-Control": "public, max-age=300"})


handlers = [log_in, refresh, verify, log_out, me, own_logins, end_login, end_other_logins, jwks]
