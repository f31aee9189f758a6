"""The screen of a waiting room: numbers only, and the secret link that opens it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Struct

from portal.web.decode import Input
from portal.web.types import Id, Line


class NewWall(Input, frozen=True):
    """A link for one more screen; its name is for those who run the clinic."""

    name: Annotated[str, Line(100)]


class WallForm(Input, frozen=True):
    """The same from its page, for one of several clinics."""

    clinic_id: Id
    name: Annotated[str, Line(100)]


class WallLink(Struct, frozen=True, kw_only=True):
    """A link as the clinic's admins see it: never its secret again."""

    id: UUID
    clinic_id: UUID
    name: str
    created_at: datetime
    last_seen_at: datetime | None


class NewLink(Struct, frozen=True, kw_only=True):
    """A link that has just been made: the one time that its address is shown."""

    id: UUID
    clinic_id: UUID
    name: str
    url: str


class WallLinks(Struct, frozen=True, kw_only=True):
    total: int
    walls: list[WallLink]


class WallQueue(Struct, frozen=True, kw_only=True):
    """One doctor's queue of today. The names are those of doctors; patients are numbers."""

    session_id: UUID
    doctor_name: str
    starts_at: datetime
    now_serving: int | None
    called_at: datetime | None  # of the latest call: a screen speaks when it changes
    next: list[int]
    delay_minutes: int  # as announced


class Wall(Struct, frozen=True, kw_only=True):
    clinic_id: UUID
    clinic_name: str
    time_zone: str
    at: datetime
    queues: list[WallQueue]
