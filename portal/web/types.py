"""The kinds of input field, for the Structs of every domain's schemas.

    class NewPatient(Input):
        first_name: Name
        email: Email
        allergies: Annotated[str, Text(2000)] | None = None

Each carries its rule in `Meta.extra["clean"]`, its bounds for readers of the OpenAPI document beside it.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from portal.clock import now
from portal.web.contacts import clean_email, clean_language, clean_phone, clean_time_zone, clean_url
from portal.web.i18n import _
from portal.web.scalars import INT32
from portal.web.texts import BadValue, Clean, clean_password, line_cleaner, text_cleaner


def Line(maximum: int, minimum: int = 1) -> Meta:
    """`Annotated[str, Line(200)]`: one line of text."""
    return Meta(min_length=minimum, max_length=maximum, extra={"clean": line_cleaner(maximum, minimum)})


def Text(maximum: int, minimum: int = 1, max_bytes: int | None = None) -> Meta:
    """`Annotated[str, Text(2000)]`: text of several lines, with LF line ends."""
    clean = text_cleaner(maximum, minimum, max_bytes)
    return Meta(min_length=minimum, max_length=maximum, extra={"clean": clean})


def Amount(lowest: str, highest: str, places: int) -> Meta:
    """`Annotated[Decimal, Amount("0", "999.999", 3)]`: an exact number with bounds and a number of decimals."""
    least, most = Decimal(lowest), Decimal(highest)

    def clean(value: Decimal) -> Decimal:
        if -int(value.as_tuple().exponent) > places:
            raise BadValue(_("Use at most %(places)s decimals.", places=places))
        if not least <= value <= most:
            raise BadValue(_("Enter an amount from %(lowest)s to %(highest)s.", lowest=lowest, highest=highest))
        return value

    schema = {"minimum": float(least), "maximum": float(most)}
    return Meta(extra={"clean": clean}, extra_json_schema={"extra": schema})


def two_decimals(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"))


def described(clean: Clean, maximum: int, example: str, **schema: Any) -> Meta:
    return Meta(
        min_length=1,
        max_length=maximum,
        examples=[example],
        extra={"clean": clean},
        extra_json_schema={"extra": schema} if schema else None,
    )


def secret(minimum: int, maximum: int) -> Meta:
    extra = {"clean": clean_password, "secret": True}
    schema = {"extra": {"format": "password", "write_only": True}}
    return Meta(min_length=minimum, max_length=maximum, extra=extra, extra_json_schema=schema)


def clean_birth_date(value: date) -> date:
    """Born by today in UTC, and at most 130 years ago."""
    today = now().astimezone(UTC).date()
    if value > today:
        raise BadValue(_("The date of birth cannot be in the future."))
    if value.year < today.year - 130:
        raise BadValue(_("Check the year of birth."))
    return value


def clean_token(value: str) -> str:
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise BadValue(_("This is not a valid token."))
    return value


Name = Annotated[str, Line(100)]
Email = Annotated[str, described(clean_email, 254, "ana@example.org", format="email")]
Phone = Annotated[str, described(clean_phone, 40, "+14155550123")]
Url = Annotated[str, described(clean_url, 2048, "https://example.org/hook", format="uri")]
TimeZone = Annotated[str, described(clean_time_zone, 64, "Europe/Berlin")]
LanguageTag = Annotated[str, described(clean_language, 16, "en")]
LanguageTags = Annotated[list[LanguageTag], Meta(max_length=20)]  # an index of the search holds them
Token = Annotated[str, described(clean_token, 4096, "3q2-7wAB")]
Password = Annotated[str, secret(10, 200)]
GivenPassword = Annotated[str, secret(1, 200)]

LocalDate = date
BirthDate = Annotated[date, Meta(extra={"clean": clean_birth_date})]
WallTime = time
Instant = datetime
Id = UUID

Money = Annotated[Decimal, Amount("0", "999999.99", 2), Meta(extra={"clean": two_decimals})]
Quantity = Annotated[int, Meta(ge=1, le=INT32)]
Count = Annotated[int, Meta(ge=0, le=INT32)]
Minutes = Annotated[int, Meta(ge=1, le=1440)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
