"""Fail when a text of the product is missing from a catalogue, or a translation would show other values or break a page."""

import re
import sys
from collections import Counter

from babel.messages.catalog import Catalog, Message
from i18n import LANGUAGES, collect, forms, load

VALUES = re.compile(r"%\((\w+)\)[sd]")
LETTERS = {"hi": re.compile(r"[\u0900-\u097f]"), "ar": re.compile(r"[\u0600-\u06ff]")}  # of their own script
MARKUP = re.compile(r'["<>]|&\w*;?')


def faults(language: str, message: Message, translated: Message | None) -> str | None:
    """What is wrong with one text in one language."""
    text = message.id[-1] if isinstance(message.id, tuple) else message.id
    if translated is None or not any(forms(translated)):
        return f"{language}: not translated: {text!r}"
    strings = forms(translated)
    if not all(strings):
        return f"{language}: not translated in every plural form: {text!r}"
    if any(not same_shape(text, string) for string in strings):
        return f"{language}: other edges or markup than in English: {text!r}"
    if any(values(string) - values(text) for string in strings) or values(text) - values(" ".join(strings)):
        return f"{language}: other values than in English: {text!r}"
    if any(not in_its_script(language, text, string) for string in strings):
        return f"{language}: in another language's letters: {text!r}"
    return None


def in_its_script(language: str, text: str, translated: str) -> bool:
    """Whether a translation has a letter of its language; a name that stays as it is, or marks alone, need none."""
    letters = LETTERS.get(language)
    if letters is None or translated == text or not re.search(r"[A-Za-z]", VALUES.sub("", translated)):
        return True
    return bool(letters.search(translated))


def values(text: str) -> set[str]:
    return set(VALUES.findall(text))


def same_shape(text: str, translated: str) -> bool:
    """Whether spaces at the ends, lines, `%` and what HTML would read as its own are as in English.

    Templates take a translation for safe, and for a format: a quote of its own would end an attribute.
    """
    return shape(text) == shape(translated)


def shape(text: str) -> tuple[bool, bool, int, int, Counter[str]]:
    loose = VALUES.sub("", text)
    edges = text[:1].isspace(), text[-1:].isspace()
    return *edges, text.count("\n"), loose.count("%"), Counter(MARKUP.findall(text))


def check(texts: Catalog, language: str) -> list[str]:
    """Everything that is wrong in one language."""
    catalogue = load(language)
    found = []
    for message in texts:
        if message.id:
            singular = message.id[0] if isinstance(message.id, tuple) else message.id
            found.append(faults(language, message, catalogue.get(singular, context=message.context)))
    return [fault for fault in found if fault]


def main() -> int:
    texts = collect()
    found = [fault for language in LANGUAGES for fault in check(texts, language)]
    for line in found[:40]:
        print(line)
    print(f"translations: {len(texts)} texts in {', '.join(LANGUAGES)}; {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
