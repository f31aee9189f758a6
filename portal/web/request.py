"""The application's `request_class`: a handler's `data: SomeStruct` is decoded strictly.

Litestar hands the decoded Struct through as it is, and still documents it in the OpenAPI document.
"""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict
from litestar.exceptions import InternalServerException
from litestar.types import Empty
from msgspec import Struct

from portal.errors import Malformed, UnsupportedType
from portal.web.decode import decode_json, require_json
from portal.web.i18n import _


class StrictRequest(Request[Any, Any, Any]):
    async def body(self) -> bytes:
        """The body as it came. Raises `UnsupportedType` for a compressed one, which could become a thousand times as much."""
        if self.headers.get("content-encoding", "identity") != "identity":
            raise UnsupportedType(_("Send it uncompressed."))
        return await super().body()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body part by part. A caller that hangs up in the middle has sent half a request, and broken nothing."""
        try:
            async for part in super().stream():
                yield part
        except InternalServerException as error:
            raise Malformed(_("The request could not be read.")) from error

    async def form(self) -> FormMultiDict:
        """The fields of a form. Raises `Malformed` where one of its parts is no text of any kind that we know."""
        try:
            return await super().form()
        except (UnicodeDecodeError, LookupError):
            raise Malformed(_("The request is not valid UTF-8.")) from None

    async def json(self) -> Any:
        """The body as the Struct that the handler asks for."""
        if self._json is Empty:
            struct = input_struct(self.route_handler)
            if struct is None:
                raise TypeError(f"{self.route_handler} takes no Struct as its data")
            require_json(self.headers.get("content-type"))
            self._json = decode_json(await self.body(), struct)
        return self._json


def input_struct(handler: Any) -> type[Struct] | None:
    """The Struct that a handler takes as `data`, if it takes one."""
    field = handler.parsed_data_field
    kinds = [field.annotation, *(one.annotation for one in field.inner_types)] if field else []
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Struct)), None)
