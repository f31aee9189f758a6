"""Files that come with a form, and files that are given out."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from litestar.response import Response, Stream

from portal.errors import FieldError, Invalid
from portal.web.forms import Form
from portal.web.i18n import _

SANDBOX = "; ".join(["sandbox", *(f"{name} 'none'" for name in (
    "default-src", "object-src", "base-uri", "form-action", "frame-ancestors"))])  # fmt: skip


async def file_of(form: Form[Any], name: str = "file") -> tuple[str, bytes]:
    """What the sender called the file of a multipart form, and its content. Raises `Invalid` where there is none."""
    file = form.files.get(name)
    if file is None:
        raise Invalid([FieldError(name, _("Choose a file."))])
    return file.filename, await file.read()


def attachment(name: str, media_type: str, content: bytes) -> Response[bytes]:
    """To be saved, never to be shown: whatever it is, it has no rights and no scripts, and nobody's browser keeps it.

    Old programs get a plain name with the right ending; the real one is percent-encoded, so no sign in it can matter.
    """
    return Response(content, media_type=media_type, headers=saving(name))


def streamed(name: str, media_type: str, parts: AsyncIterator[bytes], link: str = "") -> Response[Any]:
    """The same for what is too large to be held at once; where another place gives it out, the way there."""
    if link:
        headers = {"Location": link, "Cache-Control": "no-store"}
        return Response("", status_code=303, headers=headers, media_type="text/plain")
    return Stream(parts, media_type=media_type, headers=saving(name))


def saving(name: str) -> dict[str, str]:
    """The headers of what is given out under a name."""
    plain = "file" + name[name.rindex(".") :] if "." in name and name.isprintable() else "file"
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
