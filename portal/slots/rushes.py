"""Many callers for one slot in one process: one of them tries, the others wait a moment, and the losers are told by one look.

Only politeness, which keeps a rush off the database: who gets the slot is decided by the guarded statements alone, and
other processes know nothing of this.
"""

import asyncio
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

TOLD_SECONDS = 2.0  # for so long what one was told is good for others, if a look confirms it
WAIT_SECONDS = 0.5  # nobody waits longer for the one who tries
MOST = 1000

T = TypeVar("T")


class Rush(Generic[T]):
    """For each slot (and kind of visit): who is trying to take it, and what the last one who was refused was told."""

    def __init__(self) -> None:
        self._told: dict[Hashable, tuple[float, T]] = {}
        self._trying: dict[Hashable, asyncio.Event] = {}

    async def lately(self, slot: Hashable) -> T | None:
        """Wait for whoever is trying; then what somebody was told a moment ago, or None."""
        if slot not in self._trying:
            return self._known(slot)
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while slot in self._trying and self._known(slot) is None:
                    await self._trying[slot].wait()
        return self._known(slot)

    def _known(self, slot: Hashable) -> T | None:
        at, told = self._told.get(slot, (float("-inf"), None))
        return told if time.monotonic() - at < TOLD_SECONDS else None

    def note(self, slot: Hashable, told: T) -> None:
        """Keep what somebody was told who did not get the slot."""
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[slot] = (time.monotonic(), told)

    @contextmanager
    def trying(self, slot: Hashable) -> Iterator[None]:
        """While the block runs, others wait for its outcome."""
        ended = self._trying[slot] = asyncio.Event()
        try:
            yield
        finally:
            ended.set()
            if self._trying.get(slot) is ended:
                del self._trying[slot]
