"""The number to call first, by country.

Facts that each country's government and operators publish, as known in 2025: 112 is the single European emergency number (in all
of the European Union by its Directive 2018/1972) and, by the standard of mobile networks (3GPP TS 22.101), the one that
a mobile phone connects in most other countries as well; 911 is that of the North American Numbering Plan. Where a country has
numbers of its own for an ambulance, it is that one. A country about which we are not sure is left out: 112 stands for
it, with the words that say so.
"""

from functools import cache

from babel import Locale
from babel.core import get_global

from portal.web.i18n import language

FALLBACK = "112"

# Ambulance, or the one number for everything; grouped by number so that a slip is seen.
_BY_NUMBER = {
    "112": """AD AL AT BE BG CH CY CZ DE DK EE ES FI FO FR GE GL GR HR HU IN IS IT KW LI LT LU LV MC MD ME MT NG NL NO PL PT
        RO RS RW SE SI SK SM TR VA XK""",
    "911": "AG AI AR AS AW BM BS BZ CA CR DO EC GD GU HN JO KN KY LC LR MP MX PA PH PR PY SV TC US UY VC VG VI",
    "999": "BD BH GB GG GI HK IE IM JE KE MO MY QA UG ZW",
    "998": "AE",
    "997": "SA",
    "000": "AU CC CX NF",
    "111": "NZ",
    "120": "CN",
    "119": "JP KR TW ID",
    "995": "SG",
    "1669": "TH",
    "115": "VN IR",
    "1990": "LK",
    "102": "NP",
    "1122": "PK",
    "101": "IL PS",
    "140": "LB",
    "123": "EG CO",
    "190": "TN",
    "10177": "ZA",
    "114": "MU",
    "192": "BR",
    "131": "CL",
    "106": "PE",
    "103": "AM AZ BY KG KZ MN RU TJ TM UA UZ",
}
NUMBERS = {country: number for number, countries in _BY_NUMBER.items() for country in countries.split()}


@cache
def _territories() -> dict[str, str]:
    """What people write for a country, in the portal's languages and as ISO 3166 codes, and what it means."""
    names = {code: code for code in NUMBERS}
    for locale in ("ar", "hi", "es", "en"):
        for code, name in Locale(locale).territories.items():
            if len(code) == 2:
                names[str(name).casefold()] = code
    return names | {"UK": "GB", "USA": "US", "uk": "GB", "usa": "US", "uae": "AE"}


def country_named(text: str) -> str | None:
    """The code of a country that is written as a code or by its name; None for anything else."""
    text = text.strip()
    if len(text) == 2 and text.isascii() and text.isalpha():
        return _territories().get(text.upper(), text.upper())
    return _territories().get(text) or _territories().get(text.casefold())


def country_of_zone(time_zone: str) -> str | None:
    """The country in which a clock of this time zone stands; None for UTC and its like."""
    code = get_global("zone_territories").get(time_zone)
    return code if code and len(code) == 2 and code.isalpha() else None


def name_of_country(country: str) -> str:
    """Its name in the reader's language."""
    return str(Locale(language()).territories.get(country, country))


def number_of(country: str | None) -> str:
    """What to dial there."""
    return NUMBERS.get(country or "", FALLBACK)
