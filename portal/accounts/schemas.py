"""Who someone is: roles, the actor that every action takes, and what goes in and out of signing in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from portal.web.decode import Input
from portal.web.types import Email, GivenPassword, Token


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


# The address of a patient who has none: no mail leaves for it, and RFC 2606 sees to it that none could arrive.
NO_ADDRESS = "@no-address.invalid"

HOME = {
    Role.PATIENT: "/home",
    Role.DOCTOR: "/today",
    Role.CLINIC_ADMIN: "/clinic",
    Role.PHARMACY: "/counter",
    Role.SYSTEM_ADMIN: "/admin",
}


def first_page(role: Role, status: AccountStatus) -> str:
    """The page that someone sees after signing in; who waits for verification sees that, and nothing else."""
    return "/waiting" if status is AccountStatus.PENDING_VERIFICATION else HOME[role]


class LoginKind(StrEnum):
    """A login is a browser's, carried by a cookie, or a program's, carried by tokens."""

    PAGE = "PAGE"
    API = "API"


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
    unread: int = 0  # notifications not seen yet

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Credentials(Input, frozen=True):
    email: Email
    password: GivenPassword


class LoginForm(Credentials, frozen=True):
    """The page's form also carries where the person was going; it is checked when it is used."""

    next: str | None = None


class RefreshRequest(Input, frozen=True):
    refresh_token: Token


class VerifyRequest(Input, frozen=True):
    token: Token


class LogoutRequest(Input, frozen=True):
    everywhere: bool = False


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account as its owner and a system admin see it."""

    id: UUID
    email: str
    role: Role
    status: AccountStatus
    first_name: str
    last_name: str
    phone_number: str | None
    time_zone: str
    locale: str
    appearance: str
    created_at: datetime
    clinic_ids: list[UUID] = []
    pharmacy_id: UUID | None = None


class NewLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login just begun. `secret` is shown this once: the cookie's value, or the first refresh token."""

    login_id: UUID
    secret: str
    expires_at: datetime


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has signed in, by password or by registering."""

    user: User
    login: NewLogin


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105  # a word of RFC 6750
    expires_in: int


class SignedInTokens(TokenPair, frozen=True, kw_only=True):
    """What registering and signing in answer: who it is, and the tokens."""

    user: User


class TokenCheck(msgspec.Struct, frozen=True, kw_only=True):
    valid: bool
    user_id: UUID
    role: Role
    expires_at: datetime


class LoginRow(msgspec.Struct, frozen=True, kw_only=True):
    """One of the person's own logins."""

    id: UUID
    kind: LoginKind
    browser: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class LoginList(msgspec.Struct, frozen=True):
    logins: list[LoginRow]
