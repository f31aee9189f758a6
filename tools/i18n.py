"""Bring the catalogues up to date: collect every text from the code and the templates, keep what is translated."""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
CATALOGUES = ROOT / "portal" / "locale"
LANGUAGES = ("es", "hi", "ar")
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"**.html": {"trimmed": "false", "silent": "false", "extensions": "jinja2.ext.do"}}


def collect() -> Catalog:
    """Every text of the product, in the order of its files, without line numbers: a moved text is not a change."""
    catalogue = Catalog(project="Care Portal", charset="utf-8")
    for folder in ("portal", "templates"):
        found = extract_from_dir(
            ROOT / folder, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS, comment_tags=("i18n:",)
        )
        for filename, _line, message, comments, context in found:
            catalogue.add(message, None, [(f"{folder}/{filename}", 0)], auto_comments=comments, context=context)
    return catalogue


def path_of(language: str) -> Path:
    return CATALOGUES / language / "LC_MESSAGES" / "messages.po"


def load(language: str) -> Catalog:
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, project="Care Portal", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def main() -> int:
    texts = collect()
    for language in LANGUAGES:
        catalogue = load(language)
        catalogue.update(texts, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(
                file, catalogue, omit_header=False, no_location=True, sort_output=True, include_previous=False, width=0
            )
        missing = sum(1 for message in catalogue if message.id and not all(_texts(message.string)))
        print(f"{language}: {len(catalogue)} texts, {missing} to translate")
    return 0


def _texts(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)


if __name__ == "__main__":
    sys.exit(main())
