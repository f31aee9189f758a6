"""Cleaning of addresses that reach a person or a place: e-mail, phone, web, language and time zone names."""

import re
from functools import cache, lru_cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from email_validator import EmailNotValidError, validate_email

from portal.web.i18n import _
from portal.web.texts import BadValue

MAX_EMAIL = 254
PHONE = re.compile(r"\+[0-9](?:[ .()/-]{0,2}[0-9]){5,14}")
LANGUAGE_TAG = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?", re.IGNORECASE)
URL_CHARACTERS = re.compile(r"https://[!-~]+")
# Old aliases that say a country's or a fixed offset instead of a place.
LEGACY_AREAS = ("Etc/", "SystemV/", "US/", "Canada/", "Mexico/", "Brazil/", "Chile/")


def clean_email(value: str) -> str:
    """One canonical spelling: lower case, an international domain in its ASCII form, an ASCII local part.

    The domain need not exist and may be internal to a clinic's network; it must have a dot.
    """
    text = value.strip(" ")
    if len(text) > MAX_EMAIL:
        raise bad_email()
    return _canonical(text)


@lru_cache(maxsize=1024)  # whoever signs in has been here before, and the check costs more than a statement
def _canonical(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False)
    except EmailNotValidError:
        raise bad_email() from None
    canonical = f"{found.local_part}@{found.ascii_domain}".lower()
    if "." not in found.ascii_domain or len(canonical) > MAX_EMAIL:
        raise bad_email()
    return canonical


def bad_email() -> BadValue:
    return BadValue(_("Enter an e-mail address like name@example.org."))


def clean_phone(value: str) -> str:
    """E.164. Spaces, dots, brackets and hyphens between the digits are taken out; the country code is required."""
    text = value.strip(" ")
    if not PHONE.fullmatch(text):
        raise bad_phone()
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise bad_phone() from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise bad_phone()
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def bad_phone() -> BadValue:
    return BadValue(_("Enter a phone number with its country code, like +14155550123."))


@cache
def time_zones() -> frozenset[str]:
    """The IANA names that a person may choose."""
    places = {name for name in available_timezones() if "/" in name and not name.startswith(LEGACY_AREAS)}
    return frozenset(places | {"UTC"})


def clean_time_zone(value: str) -> str:
    if value not in time_zones():
        raise BadValue(_("Choose a time zone like Europe/Berlin."))
    return value


@cache
def languages() -> frozenset[str]:
    return frozenset(str(code) for code in Locale("en").languages if "_" not in str(code))


def clean_language(value: str) -> str:
    """A BCP 47 tag of language, script and region, in its usual letter case (`zh-Hant-TW`)."""
    match = LANGUAGE_TAG.fullmatch(value)
    if not match or match[1].lower() not in languages():
        raise BadValue(_("Choose a language like en or pt-BR."))
    language, script, region = match.groups()
    parts = (language.lower(), script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part)


def clean_url(value: str) -> str:
    """An absolute https address without user name or password in it."""
    text = value.strip(" ")
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or len(text) > 2048 or not URL_CHARACTERS.fullmatch(text) or "\\" in text:
        raise BadValue(_("Enter a web address that begins with https://"))
    return text
