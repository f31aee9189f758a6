"""Who someone is: roles and the actor that every action takes."""

from enum import StrEnum
from uuid import UUID

import msgspec


class Role(StrEnum):
    PATIENT = "PATIENT"
    DOCTOR = "DOCTOR"
    CLINIC_ADMIN = "CLINIC_ADMIN"
    PHARMACY = "PHARMACY"
    SYSTEM_ADMIN = "SYSTEM_ADMIN"


class AccountStatus(StrEnum):
    PENDING_VERIFICATION = "PENDING_VERIFICATION"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The person who acts, loaded anew on each request from the login that proves them."""

    id: UUID
    role: Role
    status: AccountStatus
    first_name: str
    last_name: str
    email: str
    locale: str
    time_zone: str
    appearance: str
    login_id: UUID
    clinic_ids: tuple[UUID, ...] = ()  # the clinics that a CLINIC_ADMIN runs or a DOCTOR works at
    pharmacy_id: UUID | None = None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"
