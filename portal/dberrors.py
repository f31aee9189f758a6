"""What errors of the database mean to those who asked: a violated constraint is a `Conflict`, a passing fault is a 503."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import asyncpg

from portal.errors import Conflict, Unavailable
from portal.pool import DB
from portal.web.i18n import _

ATTEMPTS = 3

P = ParamSpec("P")
T = TypeVar("T")

_conflicts: dict[str, tuple[str, str]] = {}


def conflict_for(constraint: str, code: str, message: str) -> None:
    """Say which `Conflict` the violation of a named constraint means; `message` is marked with `N_()`."""
    _conflicts[constraint] = (code, message)


class translated_errors:
    """Known database errors become the errors of the domain; the rest stays a bug."""

    __slots__ = ()

    async def __aenter__(self) -> None:
        """Nothing is needed."""

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, asyncpg.PostgresError):
            translated = domain_error(error)
            if translated is not error:
                raise translated from error
        elif isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError):
            if isinstance(error, asyncpg.InterfaceError) and "connection" not in str(error):
                return
            raise Unavailable from error


def domain_error(error: asyncpg.PostgresError) -> Exception:
    """The `Conflict` of a violated constraint, `Unavailable` for a passing fault, or the error itself."""
    name = getattr(error, "constraint_name", None)
    if name in _conflicts:
        code, message = _conflicts[name]
        return Conflict(code, _(message))
    if isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError | asyncpg.LockNotAvailableError):
        return Retry()
    if isinstance(error, asyncpg.PostgresConnectionError | asyncpg.OperatorInterventionError):
        return Unavailable()
    if isinstance(error, asyncpg.InsufficientResourcesError):
        return Unavailable(retry_after=10)
    return error


class Retry(Unavailable):
    """PostgreSQL chose this transaction as the one to try again (40001, 40P01)."""


def retried(action: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Run an action again, at most three times in all, when PostgreSQL asks for it; then it answers 503."""

    @wraps(action)
    async def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        for turn in range(ATTEMPTS - 1):
            try:
                return await action(*args, **kwargs)
            except Retry:
                if DB.current_transaction.get() is not None:  # only the transaction's owner may start it anew
                    raise
                await asyncio.sleep(random.uniform(0.005, 0.02) * (turn + 1))  # noqa: S311  # jitter, not a secret
        return await action(*args, **kwargs)

    return attempt
