"""Passwords: Argon2id in a few threads, so that a rush of logins slows itself and not the event loop."""

import os
from functools import cache

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's first choice: 19 MiB, two passes


@cache
def _threads() -> CapacityLimiter:
    return CapacityLimiter(os.cpu_count() or 1)


@cache
def _nobodys_hash() -> str:
    """What an unknown address is checked against, so that the answer takes as long as for a known one."""
    return str(HASHER.hash(os.urandom(16).hex()))


async def hash_password(password: str) -> str:
    """The text to store, with its parameters and salt."""
    return await to_thread.run_sync(HASHER.hash, password, limiter=_threads())


async def is_password(password: str, stored: str | None) -> bool:
    """Whether a password is the stored one; takes the same time when there is none (`stored` is None)."""
    matches = await to_thread.run_sync(_verify, password, stored or _nobodys_hash(), limiter=_threads())
    return matches and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a stored hash has weaker parameters than today's."""
    return bool(HASHER.check_needs_rehash(stored))


def _verify(password: str, stored: str) -> bool:
    try:
        return bool(HASHER.verify(stored, password))
    except (VerificationError, InvalidHashError):
        return False
