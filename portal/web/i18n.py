"""Languages: gettext catalogues and the language of the present request.

Catalogues live in `portal/locale/<language>/LC_MESSAGES/messages.po`; `make i18n` collects the texts and compiles
nothing, since Babel reads the `.po` text once at start. A text is written once, in English, inside `_()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES = {"en": "English", "es": "Español", "hi": "हिन्दी", "ar": "العربية"}
RIGHT_TO_LEFT = frozenset({"ar"})
DEFAULT_LANGUAGE = "en"
CATALOGUES = Path(__file__).parent.parent / "locale"

_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


def language() -> str:
    """The language of the present request, one of `LANGUAGES`."""
    return _language.get()


def use_language(code: str) -> None:
    """Set the language for the rest of this request or job; an unknown one is the default."""
    _language.set(code if code in LANGUAGES else DEFAULT_LANGUAGE)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Another language for a moment: a mail to somebody else than the person who acts."""
    token = _language.set(code if code in LANGUAGES else DEFAULT_LANGUAGE)
    try:
        yield
    finally:
        _language.reset(token)


def direction(code: str) -> str:
    return "rtl" if code in RIGHT_TO_LEFT else "ltr"


@cache
def translations(code: str) -> NullTranslations:
    """The catalogue of one language, read once a process."""
    path = CATALOGUES / code / "LC_MESSAGES" / "messages.po"
    if code == DEFAULT_LANGUAGE or not path.exists():
        return NullTranslations()
    from io import BytesIO

    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def _(message: str, **values: Any) -> str:
    """Translate into the present language, then fill in `%(name)s` values."""
    text = translations(language()).ugettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, number: int, **values: Any) -> str:
    """Translate a counted text by the language's own plural forms."""
    text = translations(language()).ungettext(singular, plural, number)
    return text % {"n": number, **values}


def N_(message: str) -> str:
    """Mark a text for extraction that is translated later, when it is shown."""
    return message


def best_language(accept_language: str) -> str:
    """The best of our languages for an `Accept-Language` header (RFC 9110, section 12.5.4)."""
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language[:500].split(",")[:20]):
        tag, _sep, quality = "".join(part.lower().split()).partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        base = tag.split("-")[0]
        if base in LANGUAGES and weight > 0:
            wanted.append((-weight, position, base))
    return min(wanted)[2] if wanted else DEFAULT_LANGUAGE
