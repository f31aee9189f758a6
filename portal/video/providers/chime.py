"""Amazon Chime SDK meetings: one meeting a session, one attendee a person.

The library of AWS finds its credentials by its own chain, and works in threads of its own. A request whose answer was
lost is sent again: the session is the token of its meeting, and the account that of its attendee, by which Chime
knows that it has made them already.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from portal.errors import Unavailable
from portal.video.providers import Admitted, Asked, Meeting, MeetingGone
from portal.video.schemas import IceServer, MediaPlacement
from portal.web.i18n import _

logger = logging.getLogger(__name__)

THREADS = 8
CONNECT_SECONDS, READ_SECONDS = 1.0, 1.5
ATTEMPTS = 2  # of one request, by the library: after a time-out, a 5xx, a throttle
CONFLICT_TRIES, CONFLICT_PAUSE = 3, 0.2  # while Chime works on the same request of somebody else
CLOSING_SECONDS = 20.0  # for jobs, which nobody waits for
SERVICE = "chime-sdk-meetings"
REGION = "us-east-1"  # where the service is asked when AWS is told no region that has it
GONE = frozenset({"NotFoundException", "404"})

T = TypeVar("T")
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="chime")


class Chime:
    """`media_region` is where the calls are carried, by default the region that AWS is told by its own settings."""

    def __init__(self, media_region: str) -> None:
        session = boto3.session.Session()
        known = session.get_available_regions(SERVICE)
        wanted = os.environ.get("AWS_REGION") or session.region_name  # which the library knows by its older name only
        self._region = wanted if wanted in known else REGION
        self._media_region = media_region or self._region
        self._made: Any = None

    def make_ready(self) -> None:
        """The library reads from files what it knows of the service."""
        self._client()

    async def admit(self, asked: Asked, seconds: float) -> Admitted:
        return await _in_thread(partial(self._admit, asked), seconds)

    async def expel(self, meeting_id: str, attendee_id: str) -> None:
        await self._without(partial(self._call, "delete_attendee", MeetingId=meeting_id, AttendeeId=attendee_id))

    async def close(self, meeting_id: str) -> None:
        await self._without(partial(self._call, "delete_meeting", MeetingId=meeting_id))

    def ice_servers(self, _attendee_id: object) -> list[IceServer] | None:
        return None

    @staticmethod
    async def _without(delete: Callable[[], Any]) -> None:
        with contextlib.suppress(MeetingGone):
            await _in_thread(delete, CLOSING_SECONDS)

    def _admit(self, asked: Asked) -> Admitted:
        meeting = asked.meeting or self._open(asked)
        if asked.attendee_id:
            found = self._call("get_attendee", MeetingId=meeting.meeting_id, AttendeeId=asked.attendee_id)
        else:
            found = self._call("create_attendee", MeetingId=meeting.meeting_id, ExternalUserId=str(asked.account_id))
        attendee = found["Attendee"]
        return Admitted(meeting=meeting, attendee_id=attendee["AttendeeId"], token=attendee["JoinToken"])

    def _open(self, asked: Asked) -> Meeting:
        token = f"{asked.session_id}-{asked.number}" if asked.number else str(asked.session_id)
        found = self._call(
            "create_meeting",
            ClientRequestToken=token,
            ExternalMeetingId=str(asked.session_id),
            MediaRegion=self._media_region,
        )["Meeting"]
        places = found.get("MediaPlacement", {})
        placement = MediaPlacement(**{name: places.get(_camel(name)) for name in MediaPlacement.__struct_fields__})
        return Meeting(meeting_id=found["MeetingId"], media_region=found["MediaRegion"], media_placement=placement)

    def _call(self, operation: str, **arguments: str) -> Any:
        """One request. Raises `MeetingGone`, and `Unavailable` for whatever else goes wrong."""
        for attempt in range(1, CONFLICT_TRIES + 1):
            try:
                return getattr(self._client(), operation)(**arguments)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in GONE:
                    raise MeetingGone from None
                if code != "ConflictException" or attempt == CONFLICT_TRIES:
                    raise _away(operation, code) from None
                time.sleep(CONFLICT_PAUSE * attempt)  # in a thread
            except BotoCoreError as error:
                raise _away(operation, type(error).__name__) from None
        raise AssertionError  # the last try returns or raises

    def _client(self) -> Any:
        if self._made is None:
            config = Config(
                region_name=self._region,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                max_pool_connections=THREADS,
            )
            self._made = boto3.session.Session().client(SERVICE, config=config)
        return self._made


async def _in_thread(work: Callable[[], T], seconds: float) -> T:
    """Wait for a thread, but not longer; what it does then, it does for nobody. Raises `Unavailable`."""
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().run_in_executor(_threads, work)
    except TimeoutError:
        raise _away("in time", "TimeoutError") from None


def _away(operation: str, why: str) -> Unavailable:
    """The kind of failure only: what AWS says may name what we sent."""
    logger.warning("chime failed: %s (%s)", operation, why)
    return Unavailable(
        retry_after=5, detail=_("The video service does not answer. Try again in a moment, or write in the chat.")
    )


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
