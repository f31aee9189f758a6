"""What errors of the database mean to those who asked: a violated constraint is a `Conflict`, a passing fault is a 503."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from portal.errors import Conflict, Unavailable
from portal.web.i18n import _

_conflicts: dict[str, tuple[str, str]] = {}


def conflict_for(constraint: str, code: str, message: str) -> None:
    """Say which `Conflict` the violation of a named constraint means; `message` is marked with `N_()`."""
    _conflicts[constraint] = (code, message)


@asynccontextmanager
async def translated_errors() -> AsyncIterator[None]:
    """Known database errors become the errors of the domain; the rest stays a bug."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise domain_error(error) from error
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        if isinstance(error, asyncpg.InterfaceError) and "connection" not in str(error):
            raise
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
