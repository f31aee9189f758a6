"""Fail when a text of the product is missing from a catalogue, or a translation lost one of its `%(values)s`."""

import re
import sys

from babel.messages.catalog import Message
from i18n import LANGUAGES, collect, load

VALUES = re.compile(r"%\((\w+)\)[sd]")


def values(text: str) -> set[str]:
    return set(VALUES.findall(text))


def faults(language: str, message: Message, translated: Message | None) -> str | None:
    """What is wrong with one text in one language."""
    text = message.id[-1] if isinstance(message.id, tuple) else message.id
    if translated is None or not translated.string:
        return f"{language}: not translated: {text!r}"
    strings = translated.string if isinstance(translated.string, tuple) else (translated.string,)
    if not all(strings):
        return f"{language}: not translated in every plural form: {text!r}"
    if any(values(string) - values(text) for string in strings) or values(text) - values(" ".join(strings)):
        return f"{language}: other values than in English: {text!r}"
    return None


def main() -> int:
    texts = collect()
    found = []
    for language in LANGUAGES:
        catalogue = load(language)
        for message in texts:
            if message.id:
                singular = message.id[0] if isinstance(message.id, tuple) else message.id
                fault = faults(language, message, catalogue.get(singular, context=message.context))
                if fault:
                    found.append(fault)
    for line in found[:40]:
        print(line)
    print(f"translations: {len(texts)} texts in {', '.join(LANGUAGES)}; {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
