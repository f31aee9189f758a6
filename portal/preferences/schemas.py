"""What people may change about their own account."""

from typing import Literal

from msgspec import UNSET, UnsetType

from portal.web.decode import Input
from portal.web.types import Name, Phone, TimeZone

Language = Literal["en", "es", "hi", "ar"]
Appearance = Literal["auto", "light", "dark"]


class AccountChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is; a phone number may be taken out."""

    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    phone_number: Phone | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    locale: Language | UnsetType = UNSET
    appearance: Appearance | UnsetType = UNSET


class DetailsForm(Input, frozen=True, kw_only=True):
    """The page's form, which always holds all of them."""

    first_name: Name
    last_name: Name
    phone_number: Phone | None = None
    time_zone: TimeZone

    def change(self) -> AccountChange:
        return AccountChange(
            first_name=self.first_name,
            last_name=self.last_name,
            phone_number=self.phone_number,
            time_zone=self.time_zone,
        )


class SwitchForm(Input, frozen=True, kw_only=True):
    """The switch in the header, for visitors too."""

    locale: Language | None = None
    theme: Appearance | None = None
    next: str | None = None

    def change(self) -> AccountChange:
        return AccountChange(locale=self.locale or UNSET, appearance=self.theme or UNSET)
