"""Requests for more of a prescription, as they are asked and answered."""

from typing import Annotated

from msgspec import field

from portal.prescriptions.schemas import Acknowledgements
from portal.web.decode import Input
from portal.web.types import Text


class NewRefill(Input, frozen=True, kw_only=True):
    note: Annotated[str, Text(500)] | None = None


class Approval(Input, frozen=True, kw_only=True):
    """The same items once more; what they are warned of needs a reason again."""

    answer: Annotated[str, Text(500)] | None = None
    acknowledged_warnings: Acknowledgements = field(default_factory=list)


class Refusal(Input, frozen=True, kw_only=True):
    answer: Annotated[str, Text(500)]
