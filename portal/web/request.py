"""The application's `request_class`: a handler's `data: SomeStruct` is decoded strictly.

Litestar hands the decoded Struct through as it is, and still documents it in the OpenAPI document.
"""

from typing import Any

from litestar import Request
from litestar.types import Empty
from msgspec import Struct

from portal.web.decode import decode_json, require_json


class StrictRequest(Request[Any, Any, Any]):
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
