"""How answers are written as JSON: instants with `Z`, money as a number, wall times `HH:MM`, ids as text."""

from datetime import time
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.response import Response
from litestar.serialization import default_serializer
from litestar.typing import FieldDefinition
from msgspec import Struct, inspect

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=default_serializer)


def dump_json(content: Any) -> bytes:
    """Any Struct, list or object of them as UTF-8 JSON."""
    return _encoder.encode(with_wall_times(content))


def with_wall_times(value: Any) -> Any:
    """`time` values as `HH:MM`, which msgspec would write with seconds; Structs without any pass untouched."""
    if isinstance(value, Struct) and has_wall_time(type(value)):
        fields = zip(type(value).__struct_encode_fields__, type(value).__struct_fields__, strict=True)
        found = ((name, getattr(value, attribute)) for name, attribute in fields)
        return {name: with_wall_times(one) for name, one in found if one is not msgspec.UNSET}
    if isinstance(value, dict):
        return {key: with_wall_times(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_wall_times(one) for one in value]
    return value.strftime("%H:%M") if isinstance(value, time) else value


@cache
def has_wall_time(struct: type[Struct]) -> bool:
    """Whether a Struct, or one inside it, may hold a time of day."""
    return mentions_time(inspect.type_info(struct), set())


def mentions_time(kind: Any, seen: set[type]) -> bool:
    if isinstance(kind, inspect.TimeType | inspect.AnyType):
        return True
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return False
        seen.add(kind.cls)
        return any(mentions_time(one.type, seen) for one in kind.fields)
    inner = [getattr(kind, name, ()) for name in ("type", "item_type", "value_type")]
    several = [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    return any(mentions_time(one, seen) for one in [*inner, *several] if isinstance(one, inspect.Type))


class JsonResponse(Response[Any]):
    """The application's `response_class`: Litestar's, with our JSON."""

    def render(self, content: Any, media_type: str, enc_hook: Any = default_serializer) -> bytes:
        is_json = media_type.partition(";")[0].endswith(("/json", "+json"))
        if is_json and not isinstance(content, bytes | str):
            return dump_json(content)
        return super().render(content, media_type, enc_hook)


class PlainKinds(OpenAPISchemaPlugin):
    """Documents exact numbers and wall times as they really look in JSON."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        return value in (Decimal, time)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        if field_definition.annotation is time:
            return Schema(type=OpenAPIType.STRING, pattern="^[0-9]{2}:[0-9]{2}$", examples=["09:30"])
        return Schema(type=OpenAPIType.NUMBER, examples=[25.5])
