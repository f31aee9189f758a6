"""A small application with a field of every kind, for the tests of input."""

from decimal import Decimal
from enum import StrEnum
from html import escape
from typing import Annotated, Any, Literal

from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, Meta, UnsetType, field

from portal.errors import DomainError, Invalid
from portal.web.decode import Input, page_of
from portal.web.encode import JsonResponse, PlainKinds
from portal.web.forms import Form, read_form
from portal.web.guards import canonical_ids
from portal.web.query import Limit, Skip, check_input
from portal.web.request import StrictRequest
from portal.web.types import (
    Amount,
    BirthDate,
    Count,
    Email,
    Id,
    Instant,
    LanguageTag,
    Latitude,
    Line,
    LocalDate,
    Minutes,
    Money,
    Name,
    Password,
    Phone,
    Quantity,
    Text,
    TimeZone,
    Token,
    Url,
    WallTime,
)


class Kind(StrEnum):
    VIRTUAL = "VIRTUAL"
    IN_PERSON = "IN_PERSON"


class Address(Input):
    street: Annotated[str, Line(200)]
    floor: Count | None = None


class Everything(Input):
    name: Name
    email: Email
    kind: Kind
    quantity: Quantity
    agreed: bool
    bare: str
    notes: Annotated[str, Text(500)] | None = None
    phone: Phone | None = None
    born: BirthDate | None = None
    day: LocalDate | None = None
    at: Instant | None = None
    opens: WallTime | None = None
    zone: TimeZone | None = None
    language: LanguageTag | None = None
    fee: Money | None = None
    dose: Annotated[Decimal, Amount("0.001", "999.999", 3)] | None = None
    latitude: Latitude | None = None
    minutes: Minutes = 15
    length: Literal[15, 30] = 15
    site: Url | None = None
    doctor_id: Id | None = None
    token: Token | None = None
    number: int = 0
    password: Password | None = None
    changed: Annotated[str, Line(20)] | UnsetType | None = UNSET
    tags: Annotated[list[LanguageTag], Meta(max_length=3)] = field(default_factory=list)
    address: Address | None = None
    homes: list[Address] = field(default_factory=list)
    browser: dict[str, Annotated[str, Line(50)]] | None = None


class FormFields(Everything):
    """The same in a form, which has no free-name objects."""

    browser: UnsetType | Annotated[str, Line(5)] = UNSET


@post("/api/everything")
async def everything(data: JSONBody[Everything]) -> Everything:
    return data


@post("/api/optional")
async def optional(data: JSONBody[Address | None] = None) -> dict[str, Any]:
    return {"got": data}


@post("/form", status_code=200)
async def form_page(request: Request) -> Response[str]:
    form: Form[FormFields] = await read_form(request, FormFields)
    status = 422 if form.data is None else 200
    fields = "".join(
        f'<input name="{escape(name)}" value="{escape(form.value(name))}"><p>{escape(form.error(name))}</p>'
        for name in form.values
    )
    return Response(f"<form>{fields}</form>", status_code=status, media_type="text/html; charset=utf-8")


@post("/upload", status_code=200)
async def upload_page(request: Request) -> dict[str, Any]:
    form: Form[Address] = await read_form(request, Address, multipart=True)
    return {"errors": form.errors, "data": form.data, "files": {name: one.filename for name, one in form.files.items()}}


@get("/api/things")
async def things(
    skip: Skip = 0,
    limit: Limit = 10,
    q: FromQuery[Annotated[str, Line(100)] | None] = None,
    day: FromQuery[LocalDate | None] = None,
    doctor_id: FromQuery[Id | None] = None,
    kind: FromQuery[Kind | None] = None,
    urgent: FromQuery[bool] = False,
    language: FromQuery[list[LanguageTag] | None] = None,
    within_km: FromQuery[Annotated[int, Meta(ge=1, le=500)]] = 50,
) -> dict[str, Any]:
    return page_of("things", [q, day, doctor_id, kind, urgent, language, within_km], 7, skip, limit)


@get("/api/things/{thing_id:uuid}")
async def thing(thing_id: FromPath[Id]) -> dict[str, Any]:
    return {"id": thing_id}


@get("/page")
async def a_page(q: FromQuery[Annotated[str, Line(100)] | None] = None) -> dict[str, Any]:
    return {"q": q}


def problem(_request: Any, error: Exception) -> Response[dict[str, Any]]:
    status = error.status if isinstance(error, DomainError) else getattr(error, "status_code", 500)
    errors = error.errors if isinstance(error, Invalid) else []
    return Response({"detail": str(error), "errors": errors}, status_code=status, media_type="application/problem+json")


def create_app() -> Litestar:
    return Litestar(
        [everything, optional, form_page, upload_page, things, thing, a_page],
        request_class=StrictRequest,
        response_class=JsonResponse,
        guards=[check_input, canonical_ids],
        plugins=[PlainKinds()],
        exception_handlers={DomainError: problem, HTTPException: problem},
        logging_config=None,
    )
