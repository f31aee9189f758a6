"""What the hub does from time to time: heartbeats, ends of streams, and whether each reader may still listen."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from portal import acting, liveness
from portal.accounts.schemas import Actor
from portal.errors import Unauthorized
from portal.live.channel import CHUNK, JSON
from portal.live.frames import HEARTBEAT
from portal.live.hub import Hub, Now
from portal.live.reader import Frame, Reader
from portal.live.topics import kind_of

HEARTBEAT_SECONDS = 15.0
CHECK_SECONDS = 4.0  # with the time that a round takes, a lost right ends a stream within five seconds
ROUND_SECONDS = 20.0  # a round that hangs is given up
STREAM_SECONDS = 15 * 60.0  # then the client comes back and is authorised anew
AT_ONCE = 4

Actors = dict[Any, Actor | None]
Verdicts = dict[tuple[str, UUID], bool]


def stream_end() -> float:
    """When a stream that begins now ends; spread out, so that clients do not all come back together."""
    return time.monotonic() + STREAM_SECONDS * random.uniform(0.85, 1.15)  # noqa: S311  # jitter, not a secret


class Rounds:
    """The periodic work of one hub, and the checks that events ask for."""

    def __init__(self, hub: Hub, database_now: Now) -> None:
        self._hub = hub
        self._database_now = database_now
        hub.recheck = self.check

    async def heartbeats(self) -> None:
        heartbeat = Frame(HEARTBEAT)
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for number, reader in enumerate(tuple(self._hub.readers), 1):
                reader.write(heartbeat)
                if number % CHUNK == 0:
                    await asyncio.sleep(0)

    async def checks(self) -> None:
        """Each round in a task of its own with a deadline: one that fails or hangs must not be the last."""
        while True:
            # The hub logs what fails.
            with contextlib.suppress(Exception), liveness.turn("LOOP", "live_checks", CHECK_SECONDS):
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._hub.spawn(self._round())
            await asyncio.sleep(CHECK_SECONDS)

    async def _round(self) -> None:
        self._end_overdue()
        self._hub.forget_old()
        await self._hub.set_clock(self._database_now)
        await self.check(tuple(self._hub.readers))

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for reader in tuple(self._hub.readers):
            if reader.is_stuck(now):
                reader.drop()
            elif reader.ends_at < now:
                reader.close()

    async def check(self, readers: Iterable[Reader]) -> None:
        """Load each reader's actor anew and ask again whether it may listen."""
        waiting = iter([reader for reader in readers if reader.actor is not None])
        actors: Actors = {}
        verdicts: Verdicts = {}
        await asyncio.gather(*(self._check_some(waiting, actors, verdicts) for _ in range(AT_ONCE)))

    async def _check_some(self, waiting: Any, actors: Actors, verdicts: Verdicts) -> None:
        for reader in waiting:
            if not reader.closed and not await self._may_stay(reader, actors, verdicts):
                self._hub.revoke(reader)

    async def _may_stay(self, reader: Reader, actors: Actors, verdicts: Verdicts) -> bool:
        before = reader.actor
        if before is None:
            return True
        # Pages of one login share its cookie; each API client has a token of its own, with its own end.
        key = reader if reader.form == JSON else before.login_id
        if key not in actors:
            actors[key] = await _identified(reader)
        actor = actors[key]
        if actor is None or actor.id != before.id:
            return False
        reader.actor = actor
        for topic in reader.topics:
            asked = (topic, actor.login_id)
            if asked not in verdicts:
                with acting.acting(acting.person(actor)):
                    verdicts[asked] = await kind_of(topic).may_listen(actor, topic)
            if not verdicts[asked]:
                return False
        return True


async def _identified(reader: Reader) -> Actor | None:
    try:
        return await reader.identify()
    except Unauthorized:
        return None
