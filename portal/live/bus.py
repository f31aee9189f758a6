"""Events between processes: Redis pub/sub with one subscription a process, or nothing but this process.

Live events may be lost, so nobody waits for Redis: what is published goes to the readers of this process at once and
into a bounded queue for the others. Whoever may have missed something is told so, and reads the present state again.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from redis.asyncio import Redis, from_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

QUEUE = 10_000
BATCH = 200
APART = 0.02  # between two messages of one process: what happens meanwhile travels together
TIMEOUT = 2.0
QUIET = 5.0  # ask whether the subscription still lives after so many quiet seconds
SLOWEST_RETRY = 1.0

EVERYTHING = "*"  # the topic of a message by which a process says that its events were lost


class Message(msgspec.Struct, frozen=True, array_like=True):
    """What travels between processes."""

    topic: str
    event: str
    ids: dict[str, Any] = {}
    origin: str = ""


Deliver = Callable[[Message], None]
_decode = msgspec.json.Decoder(list[Message]).decode  # whatever waits to be sent goes as one message of Redis's
_encode = msgspec.json.Encoder().encode


class MemoryBus:
    """One process: what is published has already been delivered."""

    connected = True

    async def start(self, deliver: Deliver) -> None:
        """Nobody else to listen to."""

    async def close(self) -> None:
        """Nothing is held."""

    def send(self, message: Message) -> None:
        """Nobody else to tell."""


class RedisBus:
    """Many processes: one task publishes, one task listens, and both reconnect for ever."""

    def __init__(self, url: str) -> None:
        self.origin = uuid4().hex
        self.connected = False
        self._url = url
        # Pub/sub ignores database numbers; two portals that share a Redis by number must not hear each other.
        self._channel = f"portal:live:{urlsplit(url).path.strip('/') or '0'}"
        self._queue: deque[Message] = deque(maxlen=QUEUE)
        self._something = asyncio.Event()
        self._lost = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, deliver: Deliver) -> None:
        """Begin to listen and to publish; does not wait for Redis."""
        self._tasks = [asyncio.create_task(self._listen(deliver)), asyncio.create_task(self._publish())]

    async def close(self) -> None:
        """Send what is queued, for a moment, and leave."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while self._queue and self.connected:  # noqa: ASYNC110  # the last moment of the process
                    await asyncio.sleep(0.02)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, message: Message) -> None:
        """Queue for the other processes; never waits."""
        if len(self._queue) == QUEUE:
            self._lost = True
        self._queue.append(msgspec.structs.replace(message, origin=self.origin))
        self._something.set()

    async def _listen(self, deliver: Deliver) -> None:
        await self._for_ever("listening", lambda client: self._subscribed(client, deliver))

    async def _publish(self) -> None:
        await self._for_ever("publishing", self._send_queued)

    async def _for_ever(self, what: str, work: Callable[[Redis], Any]) -> None:
        pause = 0.1
        while True:
            began = asyncio.get_running_loop().time()
            try:
                async with self._client() as client:
                    await work(client)
            except (RedisError, OSError, TimeoutError) as error:
                logger.warning("live updates: %s through Redis failed (%s), trying again", what, type(error).__name__)
            except Exception:
                logger.exception("live updates: %s through Redis failed, trying again", what)
            if asyncio.get_running_loop().time() - began > 10:
                pause = 0.1
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 2, SLOWEST_RETRY)

    def _client(self) -> Redis:
        once = Retry(NoBackoff(), 0)  # we reconnect ourselves: a silent reconnect would hide that events were missed
        client: Redis = from_url(
            self._url, socket_connect_timeout=TIMEOUT, socket_keepalive=True, retry=once, retry_on_timeout=False
        )
        return client

    async def _subscribed(self, client: Redis, deliver: Deliver) -> None:
        async with client.pubsub() as pubsub:
            async with asyncio.timeout(TIMEOUT):
                await pubsub.subscribe(self._channel)
            try:
                await self._hear(pubsub, deliver)
            finally:
                self.connected = False

    async def _hear(self, pubsub: Any, deliver: Deliver) -> None:
        asked = False
        while True:
            heard = await pubsub.get_message(timeout=QUIET)
            if heard is None:
                if asked:
                    raise TimeoutError
                asked = True
                await pubsub.ping()
                continue
            asked = False
            if heard["type"] == "subscribe":  # also after a reconnection that we did not see
                self.connected = True
                deliver(Message(EVERYTHING, ""))
            elif heard["type"] == "message":
                self._take(heard["data"], deliver)

    def _take(self, data: bytes, deliver: Deliver) -> None:
        try:
            messages = _decode(data)
        except msgspec.MsgspecError:
            logger.warning("live updates: a message on the Redis channel is not ours")
            return
        for message in messages:
            if message.origin != self.origin:
                deliver(message)

    async def _send_queued(self, client: Redis) -> None:
        while True:
            if self._lost:
                await self._send_all(client, [Message(EVERYTHING, "", origin=self.origin)])
                self._lost = False
            if not self._queue:
                self._something.clear()
                await self._something.wait()
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                await self._send_all(client, batch)
            except BaseException:
                self._lost = True
                self._queue.clear()
                raise
            await asyncio.sleep(APART)

    async def _send_all(self, client: Redis, messages: list[Message]) -> None:
        async with asyncio.timeout(TIMEOUT):
            await client.publish(self._channel, _encode(messages))
