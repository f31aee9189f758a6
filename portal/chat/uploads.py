"""Files that people send: what they are is read from their content, and pictures are drawn anew without what they carry.

A picture from a phone tells where it was taken. Decoding it and writing its pixels alone leaves that behind, and with it
whatever was hidden in its other parts. A PDF stays as it is; like all files it is only ever saved, never shown by us.
"""

import asyncio
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath

from msgspec import Struct
from PIL import Image, ImageOps

from portal.errors import FieldError, Invalid, TooLarge, UnsupportedType
from portal.web.i18n import _

LARGEST = 10 * 1024 * 1024  # bytes
LARGEST_REQUEST = LARGEST + 64 * 1024  # with the other fields of its form
MOST_PIXELS = 40_000_000  # 120 MB while it is drawn anew
LONGEST_SIDE = 16_000
LONGEST_NAME = 120
ENDINGS = {
    "application/pdf": (".pdf",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
}
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
SIGNS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP"}
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
QUALITY = 90

_drawing = ThreadPoolExecutor(1, "drawing")  # one picture at a time a process: each may need much memory


class Given(Struct, frozen=True):
    """A file as it arrived."""

    name: str
    content: bytes


class Checked(Struct, frozen=True):
    """A file that may be kept."""

    name: str
    media_type: str
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)


async def check(given: Given) -> Checked:
    """What may be kept of a file. Raises `Invalid`, `TooLarge` or `UnsupportedType`."""
    if not given.content:
        raise Invalid([FieldError("file", _("This file is empty."))])
    if len(given.content) > LARGEST:
        raise TooLarge(_("A file may have 10 MB at most."))
    if given.content.startswith(b"%PDF-") and b"%%EOF" in given.content[-1024:]:
        return Checked(safe_name(given.name, "application/pdf"), "application/pdf", given.content)
    kind = next((kind for sign, kind in SIGNS.items() if given.content.startswith(sign)), None)
    if kind is None:
        raise wrong_type()
    call = partial(copy_context().run, drawn_anew, given.content, kind)  # refusals speak the caller's language
    content = await asyncio.get_running_loop().run_in_executor(_drawing, call)
    return Checked(safe_name(given.name, FORMATS[kind]), FORMATS[kind], content)


def wrong_type() -> UnsupportedType:
    return UnsupportedType(_("Send a PDF, or a picture as JPEG, PNG or WebP."))


def drawn_anew(content: bytes, kind: str) -> bytes:
    """The pixels of a picture, the right way up, and nothing else. Raises `Invalid` or `UnsupportedType`."""
    try:
        with Image.open(BytesIO(content), formats=[kind]) as picture:
            refuse_vast(picture.size)
            upright = ImageOps.exif_transpose(picture)
            plain = upright.convert(mode_of(upright, kind))
    except Invalid:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # larger still: it was not even opened
        raise too_vast() from None
    except Exception as error:  # whatever a broken picture makes its reader stumble over
        raise wrong_type() from error
    plain.info.clear()
    drawn = BytesIO()
    plain.save(drawn, kind, **({} if kind == "PNG" else {"quality": QUALITY}))
    return drawn.getvalue()


def refuse_vast(size: tuple[int, int]) -> None:
    """By the size that its head tells, before anything is decoded."""
    if size[0] * size[1] > MOST_PIXELS or max(size) > LONGEST_SIDE:
        raise too_vast()


def too_vast() -> Invalid:
    return Invalid([FieldError("file", _("This picture has too many pixels. Send a smaller one."))])


def mode_of(picture: Image.Image, kind: str) -> str:
    """Grey stays grey (X-rays), with all its shades where it has many; what shines through goes on doing so."""
    if picture.mode in ("1", "L") or (picture.mode == "I;16" and kind == "PNG"):
        return picture.mode if kind == "PNG" else "RGB" if kind == "WEBP" else "L"
    return "RGBA" if kind != "JPEG" and picture.has_transparency_data else "RGB"


def safe_name(given: str, media_type: str) -> str:
    """What the sender called it, as far as that can be shown and saved anywhere, with the ending of what it is."""
    last = re.split(r"[/\\]", given)[-1]
    shown = "".join(" " if mark.isspace() else mark for mark in unicodedata.normalize("NFC", last) if can_stand(mark))
    name = re.sub(r" +", " ", shown).strip(" .")
    endings = ENDINGS[media_type]
    path = PurePosixPath(name or "_")
    stem = path.stem if path.suffix.lower() in endings else name
    stem = stem[:LONGEST_NAME].strip(" .") or _("File")
    return (f"_{stem}" if RESERVED.fullmatch(stem) else stem) + endings[0]


def can_stand(mark: str) -> bool:
    """No control, hidden or private characters, nothing that a file system forbids."""
    return unicodedata.category(mark) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and mark not in '<>:"|?*'
