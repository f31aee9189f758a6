"""Files that come with a form, and files that are given out."""

from typing import Any
from urllib.parse import quote

from litestar.response import Response

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
    plain = "file" + name[name.rindex(".") :] if "." in name and name.isprintable() else "file"
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=media_type, headers=headers)
