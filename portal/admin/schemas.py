"""What a system admin sees and decides about accounts."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from portal.accounts.schemas import AccountStatus, Role
from portal.web.decode import Input
from portal.web.types import Line


class SuspendRequest(Input, frozen=True):
    reason: Annotated[str, Line(300)] | None = None


class SuspendForm(Input, frozen=True):
    """As people fill it in: whoever looks into the audit later wants to read why."""

    reason: Annotated[str, Line(300)]


class AdminUser(msgspec.Struct, frozen=True, kw_only=True):
    """An account in the list of users."""

    id: UUID
    email: str
    role: Role
    status: AccountStatus
    first_name: str
    last_name: str
    phone_number: str | None
    status_reason: str | None
    locale: str
    created_at: datetime

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An account that waits, with what the person says about themselves."""

    id: UUID
    email: str
    role: Role
    first_name: str
    last_name: str
    phone_number: str | None
    created_at: datetime
    licence_number: str | None
    specialty: str | None
    places: list[str]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class UserCounts(msgspec.Struct, frozen=True, kw_only=True):
    waiting: int
    active: int
    suspended: int
    joined_this_week: int


class UserPage(msgspec.Struct, frozen=True, kw_only=True):
    users: list[AdminUser]
    total: int
