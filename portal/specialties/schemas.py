"""Specialties, as they come in and go out."""

from typing import Annotated
from uuid import UUID

import msgspec

from portal.web.decode import Input
from portal.web.types import Line, Text


class NewSpecialty(Input, frozen=True):
    name: Annotated[str, Line(100)]
    description: Annotated[str, Text(500)] | None = None


class SpecialtyChange(Input, frozen=True):
    """What is left out stays as it is."""

    name: Annotated[str, Line(100)] | msgspec.UnsetType = msgspec.UNSET
    description: Annotated[str, Text(500, 0)] | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


class Specialty(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    description: str
    active: bool


class SpecialtyList(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    specialties: list[Specialty]
