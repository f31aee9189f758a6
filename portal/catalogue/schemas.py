"""Medicines, as they come in and go out."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Struct

from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Amount, Line, Name

MOST = "999999.999"
Stocked = Annotated[Decimal, Amount("0.001", MOST, 3)]  # an amount that is moved or prescribed
StockedOrNone = Annotated[Decimal, Amount("0", MOST, 3)]


class UnitType(StrEnum):
    """What one of it is."""

    TABLETS = "TABLETS"
    CAPSULES = "CAPSULES"
    BOTTLES = "BOTTLES"
    VIALS = "VIALS"
    AMPOULES = "AMPOULES"
    TUBES = "TUBES"
    SACHETS = "SACHETS"
    INHALERS = "INHALERS"
    PATCHES = "PATCHES"
    SUPPOSITORIES = "SUPPOSITORIES"
    PACKS = "PACKS"
    MILLILITRES = "MILLILITRES"
    GRAMS = "GRAMS"
    UNITS = "UNITS"


def unit_words() -> dict[str, str]:
    """The units as people read them."""
    return {
        "TABLETS": _("tablets"), "CAPSULES": _("capsules"), "BOTTLES": _("bottles"), "VIALS": _("vials"),
        "AMPOULES": _("ampoules"), "TUBES": _("tubes"), "SACHETS": _("sachets"), "INHALERS": _("inhalers"),
        "PATCHES": _("patches"), "SUPPOSITORIES": _("suppositories"), "PACKS": _("packs"), "MILLILITRES": _("ml"),
        "GRAMS": _("g"), "UNITS": _("units"),
    }  # fmt: skip


class NewItem(Input, frozen=True):
    """A medicine of one strength and form."""

    name: Annotated[str, Line(200)]
    unit_type: UnitType
    active_ingredient: Annotated[str, Line(200)] | None = None
    form: Name | None = None
    strength: Name | None = None
    category: Name | None = None
    reorder_threshold: StockedOrNone = Decimal(0)
    max_daily: Stocked | None = None


class ItemChange(NewItem, frozen=True):
    """The whole of it as it is to be; what is not active is neither prescribed nor received any more."""

    is_active: bool = True


class ItemForm(NewItem, frozen=True):
    """The same from its page, where a box that is not ticked is not sent."""

    is_active: bool = False

    def change(self) -> ItemChange:
        return ItemChange(**{name: getattr(self, name) for name in self.__struct_fields__})


class CatalogItem(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    active_ingredient: str
    form: str
    strength: str
    unit_type: UnitType
    category: str
    reorder_threshold: Decimal
    max_daily: Decimal | None
    is_active: bool

    @property
    def label(self) -> str:
        """As it is said: name, strength, form."""
        return " ".join(part for part in (self.name, self.strength, self.form) if part)


class Catalog(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    items: list[CatalogItem]
