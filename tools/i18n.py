"""Bring the catalogues up to date: collect every text from the code and the templates, keep what is translated.

A run changes a catalogue only where a text changed: sorted by text, without dates, versions and line numbers.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
CATALOGUES = ROOT / "portal" / "locale"
PLURALS = {  # as CLDR counts, which is not everywhere as Babel does by itself
    "es": "nplurals=2; plural=(n != 1);",
    "hi": "nplurals=2; plural=(n > 1);",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}
LANGUAGES = tuple(PLURALS)
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"**.html": {"trimmed": "false", "silent": "false", "extensions": "jinja2.ext.do"}}
HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""


def collect() -> Catalog:
    """Every text of the product."""
    catalogue = Catalog(project="Care Portal", charset="utf-8")
    for folder in ("portal", "templates"):
        found = extract_from_dir(
            ROOT / folder, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS, comment_tags=("i18n:",)
        )
        for _filename, _line, message, comments, context in found:
            catalogue.add(message, auto_comments=comments, context=context)
    return catalogue


def path_of(language: str) -> Path:
    return CATALOGUES / language / "LC_MESSAGES" / "messages.po"


def load(language: str) -> Catalog:
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, project="Care Portal", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def save(language: str, catalogue: Catalog) -> None:
    """Write a catalogue, the same file for the same texts."""
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.format(language=language, plurals=PLURALS[language]).encode())
        write_po(file, catalogue, omit_header=True, no_location=True, sort_output=True, ignore_obsolete=True, width=0)


def forms(message: Message) -> tuple[str, ...]:
    """The translations of a text: one, or one for each plural form of the language."""
    return message.string if isinstance(message.string, tuple) else (message.string,)


def main() -> int:
    texts = collect()
    for language in LANGUAGES:
        catalogue = load(language)
        catalogue.update(texts, no_fuzzy_matching=True)
        save(language, catalogue)
        missing = sum(1 for message in catalogue if message.id and not all(forms(message)))
        print(f"{language}: {len(catalogue)} texts, {missing} to translate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
