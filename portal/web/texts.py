"""Cleaning of text that people type: one place that says which characters may pass.

Text is stored in Unicode's NFC, so that a name typed on a Mac and on Windows is one name. Nothing visible is
ever changed; what cannot be shown safely (control characters, hidden direction switches, invisible letters) is
refused with a message instead of being dropped in silence.
"""

import re
import unicodedata
from collections.abc import Callable

from portal.web.i18n import _

Clean = Callable[[str], str]

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LINE_ENDS = re.compile(r"[\n\r\u0085\u2028\u2029]")
# Emoji flags of regions (England, Scotland, Wales) are spelled with otherwise invisible tag characters.
REGION_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f")
NOT_CHARACTERS = re.compile(r"[\ufdd0-\ufdef\ufffe\uffff]")
# Letters that draw nothing: a name made only of them is blank.
BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER = "\u200c", "\u200d"
SPACES = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
MAX_MARKS_IN_A_ROW = 8
# Written without spaces: a letter of another alphabet stands in the middle of a "word" there every day.
UNSPACED = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}
)
MICRO = re.compile(r"\u03bc(?=(?:g|l|mol)\b)")  # the Greek letter of micrograms
VIRAMA = 9


class BadValue(ValueError):
    """A value that a field does not accept; the message is for the person who typed it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def line_cleaner(maximum: int, minimum: int = 1) -> Clean:
    """Single-line text: trimmed, NFC, `minimum` to `maximum` code points."""

    def clean(value: str) -> str:
        refuse_bulk(value, maximum)
        text = value.strip(SPACES)
        if LINE_ENDS.search(text):
            raise BadValue(_("Write this on one line."))
        return measured(normalised(text), maximum, minimum)

    return clean


def text_cleaner(maximum: int, minimum: int = 1, max_bytes: int | None = None) -> Clean:
    """Text of several lines: line ends become LF, tabs become a space, the ends are trimmed."""
    bytes_allowed = max_bytes or maximum * 4

    def clean(value: str) -> str:
        refuse_bulk(value, maximum)
        lines = value.replace("\r\n", "\n").replace("\t", " ").split("\n")
        text = measured("\n".join(normalised(line) for line in lines).strip(), maximum, minimum)
        if len(text.encode()) > bytes_allowed:
            raise BadValue(_("This text is too long."))
        return text

    return clean


def refuse_bulk(value: str, maximum: int) -> None:
    """Stop early: normalising costs more than linear time on hostile text."""
    if len(value) > maximum * 4 + 100:
        raise BadValue(_("Use at most %(maximum)s characters.", maximum=maximum))


def measured(text: str, maximum: int, minimum: int) -> str:
    if is_blank(text):
        if minimum:
            raise BadValue(_("This field is required."))
        return ""  # where nothing is allowed, what draws nothing is nothing
    if len(text) > maximum:
        raise BadValue(_("Use at most %(maximum)s characters.", maximum=maximum))
    if len(text) < minimum:
        raise BadValue(_("Use at least %(minimum)s characters.", minimum=minimum))
    return text


def is_blank(text: str) -> bool:
    return all(character.isspace() or character in BLANK_LETTERS for character in text)


def normalised(text: str) -> str:
    """The NFC form of one line, or `BadValue` when a character in it may not pass."""
    if text.isascii():
        refuse_controls(text)
        return text
    refuse_piles(text)
    composed = unicodedata.normalize("NFC", text)
    refuse_controls(composed)
    refuse_hidden(REGION_FLAG.sub("", composed))
    return composed


def refuse_controls(text: str) -> None:
    if CONTROL.search(text):
        raise BadValue(_("Remove the control characters."))


def refuse_piles(text: str) -> None:
    """Stacks of combining marks that paint over their neighbours."""
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if run > MAX_MARKS_IN_A_ROW:
            raise BadValue(_("There are too many accents on one letter."))


def refuse_look_alikes(text: str) -> None:
    """Letters of two alphabets in one word: a Cyrillic \u0430 and a Latin a look the same, and name two medicines."""
    if text.isascii():
        return
    plain = MICRO.sub("", unicodedata.normalize("NFKD", text))
    kept = (letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in plain)
    for word in "".join(kept).split():
        alphabets = {unicodedata.name(one, "").partition(" ")[0] for one in word if unicodedata.category(one)[0] == "L"}
        if len(alphabets - UNSPACED) > 1:
            raise BadValue(_("Write each word in the letters of one alphabet: some letters only look alike."))


def refuse_hidden(text: str) -> None:
    """Invisible format characters, direction switches, private use, line separators, broken halves."""
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        hidden = category in {"Cf", "Co", "Cs", "Zl", "Zp"} or NOT_CHARACTERS.match(character)
        if hidden and not joins_letters(text, position):
            raise BadValue(_("Remove the invisible or unprintable characters."))


def joins_letters(text: str, position: int) -> bool:
    """Whether a joiner is where writing needs one: Persian and Indic letters (RFC 5892, CONTEXTJ), emoji families."""
    character = text[position]
    if character not in (ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER) or not 0 < position < len(text) - 1:
        return False
    before, after = text[position - 1], text[position + 1]
    if unicodedata.combining(before) == VIRAMA:
        return True
    if is_arabic(before) and is_arabic(after):
        return True
    return character == ZERO_WIDTH_JOINER and is_emoji(before) and is_emoji(after)


def is_arabic(character: str) -> bool:
    return unicodedata.bidirectional(character) in {"AL", "NSM"}


def is_emoji(character: str) -> bool:
    return character == "\ufe0f" or unicodedata.category(character) in {"So", "Sk", "Cn"}


def clean_password(value: str) -> str:
    """Never trimmed. NFC with plain spaces (RFC 8265), so that every keyboard spells the same secret."""
    refuse_bulk(value, 200)
    refuse_piles(value)
    text = unicodedata.normalize("NFC", re.sub(f"[{SPACES[2:]}]", " ", value))
    refuse_controls(text)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadValue(_("Remove the invisible or unprintable characters."))
    return text
