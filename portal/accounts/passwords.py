"""Passwords: Argon2id in a few threads of lower rank, so that a rush of logins slows itself and nobody's pages.

All web processes together have as many of these threads as there are cores: more would take turns on the same cores, and
each check would take a tenth longer.
"""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.settings import PROCESSES

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's first choice: 19 MiB, two passes


STAND_BACK = 10  # how far below the rest of the portal, in steps of `nice`


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(share_of_cores(), "password", initializer=_stand_back)


def share_of_cores() -> int:
    """How many threads are for this process: at least one, and all of the cores where nobody said that others run."""
    return max(1, (os.cpu_count() or 1) // int(os.environ.get(PROCESSES, "1")))


def _stand_back() -> None:
    """There is a thread for each core, so pages and the database go first."""
    if sys.platform == "linux":  # elsewhere a thread has no rank of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), STAND_BACK)


@cache
def _nobodys_hash() -> str:
    """What an unknown address is checked against, so that the answer takes as long as for a known one."""
    return str(HASHER.hash(os.urandom(16).hex()))


async def hash_password(password: str) -> str:
    """The text to store, with its parameters and salt."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), HASHER.hash, password)


async def is_password(password: str, stored: str | None) -> bool:
    """Whether a password is the stored one; takes the same time when there is none (`stored` is None)."""
    matches = await asyncio.get_running_loop().run_in_executor(_threads(), _verify, password, stored or _nobodys_hash())
    return matches and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a stored hash has weaker parameters than today's."""
    return bool(HASHER.check_needs_rehash(stored))


def _verify(password: str, stored: str) -> bool:
    try:
        return bool(HASHER.verify(stored, password))
    except (VerificationError, InvalidHashError):
        return False
