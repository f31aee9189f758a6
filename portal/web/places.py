"""A point on earth: in a query string, `near=52.52,13.405`, and as two fields of a body."""

from typing import Annotated, Any, NamedTuple

from msgspec import UNSET, Meta

from portal.errors import FieldError, Invalid
from portal.web.i18n import _
from portal.web.scalars import read_float
from portal.web.texts import BadValue


class Point(NamedTuple):
    latitude: float
    longitude: float


def read_point(text: str) -> Point:
    """Latitude, then longitude. Raises `BadValue`."""
    parts = text.replace(" ", "").split(",")
    if len(parts) == 2:
        latitude, longitude = (read_float(part, True) for part in parts)
        if -90 <= latitude <= 90 and -180 <= longitude <= 180:
            return Point(latitude, longitude)
    raise BadValue(_("Give a place as latitude,longitude, like 52.52,13.405."))


def clean_point(text: str) -> str:
    point = read_point(text)
    return f"{point.latitude},{point.longitude}"


def refuse_half_place(latitude: Any, longitude: Any) -> None:
    """A place is given, taken away (None) or left as it is (`UNSET`) by both. Raises `Invalid` with the one that is missing."""
    if any((latitude is kind) != (longitude is kind) for kind in (None, UNSET)):
        missing = "longitude" if longitude in (None, UNSET) else "latitude"
        raise Invalid([FieldError(missing, _("Give latitude and longitude together."))])


Near = Annotated[str, Meta(max_length=60, examples=["52.52,13.405"], extra={"clean": clean_point})]
WithinKm = Annotated[int, Meta(ge=1, le=1000)]
