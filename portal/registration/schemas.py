"""What people tell about themselves when they make an account: the same for both faces."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from portal.accounts.schemas import Role
from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.texts import BadValue
from portal.web.types import BirthDate, Email, LanguageTags, Line, Money, Name, Password, Phone, Text, TimeZone

PROFILE_FIELDS: dict[Role, frozenset[str]] = {
    Role.PATIENT: frozenset({"date_of_birth", "sex", "address"}),
    Role.DOCTOR: frozenset(
        {
            "specialty_id",
            "licence_number",
            "languages",
            "consultation_fee",
            "currency",
            "title",
            "bio",
            "qualifications",
            "years_of_experience",
        }
    ),
    Role.CLINIC_ADMIN: frozenset({"clinic_name", "clinic_city", "clinic_country"}),
    Role.PHARMACY: frozenset({"pharmacy_id", "pharmacy_name", "licence_number"}),
}

ROLE_OF_PATH = {
    "patient": Role.PATIENT,
    "doctor": Role.DOCTOR,
    "clinic": Role.CLINIC_ADMIN,
    "pharmacy": Role.PHARMACY,
}


def clean_role(role: Role) -> Role:
    if role not in PROFILE_FIELDS:
        raise BadValue(_("Choose one of: %(choices)s.", choices=", ".join(PROFILE_FIELDS)))
    return role


OpenRole = Annotated[Role, Meta(extra={"clean": clean_role})]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, examples=["EUR"])]


class NewAccount(Input, frozen=True, kw_only=True):
    """One account with the first facts of its profile. A fact of another role is refused."""

    email: Email
    role: OpenRole
    first_name: Name
    last_name: Name
    phone_number: Phone | None = None
    time_zone: TimeZone = "UTC"

    date_of_birth: BirthDate | None = None
    sex: Literal["FEMALE", "MALE", "OTHER", "UNDISCLOSED"] | None = None
    address: Annotated[str, Text(500)] | None = None

    licence_number: Annotated[str, Line(60)] | None = None
    specialty_id: UUID | None = None
    title: Annotated[str, Line(30)] | None = None
    bio: Annotated[str, Text(4000)] | None = None
    qualifications: Annotated[str, Text(2000)] | None = None
    languages: LanguageTags = []  # noqa: RUF012  # msgspec copies it for each Struct
    years_of_experience: Annotated[int, Meta(ge=0, le=80)] | None = None
    consultation_fee: Money | None = None
    currency: Currency | None = None

    clinic_name: Name | None = None
    clinic_city: Name | None = None
    clinic_country: Name | None = None

    pharmacy_id: UUID | None = None
    pharmacy_name: Name | None = None

    def __post_init__(self) -> None:
        own = PROFILE_FIELDS[self.role]
        strange = sorted(name for name in self.profile() if name not in own)
        if strange:
            raise Invalid([FieldError(name, _("This does not belong to the chosen role.")) for name in strange])
        if self.pharmacy_id and self.pharmacy_name:
            raise Invalid([FieldError("pharmacy_name", _("Give a pharmacy that exists, or the name of a new one."))])

    def profile(self) -> dict[str, Any]:
        """The facts of the profile that were given."""
        known: frozenset[str] = frozenset().union(*PROFILE_FIELDS.values())
        return {name: getattr(self, name) for name in known if getattr(self, name) not in (None, [])}

    @property
    def fee(self) -> Decimal:
        return self.consultation_fee or Decimal(0)


class Registration(NewAccount, frozen=True, kw_only=True):
    """An account that its owner makes, with a password."""

    password: Password


class RegistrationForm(Registration, frozen=True, kw_only=True):
    """The page's form also carries where the person was going; it is checked when it is used."""

    next: str | None = None


class NewAdmin(Input, frozen=True, kw_only=True):
    """A system admin, made by the command line."""

    email: Email
    password: Password
    first_name: Name
    last_name: Name
