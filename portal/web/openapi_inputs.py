"""What inputs may be, in the OpenAPI document: the bounds of the strict readers, of which the framework knows a part."""

from typing import Any

from litestar.handlers.base import BaseRouteHandler

from portal.web import hosts
from portal.web.convert import Items, Leaf, Node, Optionally, Pairs, Record, plan_of
from portal.web.query import declared_parameters
from portal.web.request import input_struct

Schema = dict[str, Any]
FILE = {"file": {"type": "string", "format": "binary"}}
NOTHING = {"type": "null"}
BOUNDS = {"min_length": "minLength", "max_length": "maxLength", "ge": "minimum", "le": "maximum", "pattern": "pattern"}


def complete(operation: Schema, handler: BaseRouteHandler, path: str, schemas: dict[str, Schema]) -> None:
    """Put the bounds of the body and of the query into one operation; `schemas` are the document's components."""
    struct, field = input_struct(handler), handler.parsed_data_field
    if struct is not None and field is not None:
        content = operation["requestBody"]["content"]["application/json"]
        content["schema"] = without_null(content["schema"])  # left out or an object, never null
        operation["requestBody"]["required"] = not field.has_default
        narrow(content["schema"], Record(struct), schemas)
    if "upload" in handler.opt:
        schema = {"type": "object", "properties": {**FILE, **handler.opt["upload"]}, "required": [*FILE]}
        content = {"multipart/form-data": {"schema": {**schema, "additionalProperties": False}}}
        operation["requestBody"] = {"content": content, "required": True}
    names = frozenset(part[1:-1] for part in path.split("/") if part.startswith("{"))
    declared = declared_parameters(handler, names)
    for parameter in operation.get("parameters", []):
        if parameter.get("in") == "query":
            one = declared[parameter["name"]]
            parameter["schema"] = without_null(parameter["schema"])
            parameter["allowEmptyValue"] = not one.required  # forms send their empty fields: it counts as not given
            narrow(parameter["schema"], one.node, schemas)
        elif parameter.get("in") == "path" and parameter["schema"] == {"type": "string"}:
            parameter["schema"]["pattern"] = f"^{hosts.PLAIN}$"  # any other spelling is an address that does not exist


def without_null(schema: Schema) -> Schema:
    """The same where there is no way to say null."""
    if NOTHING in schema.get("oneOf", []):
        kept = {name: value for name, value in schema.items() if name != "oneOf"}
        [only] = [one for one in schema["oneOf"] if one != NOTHING]
        return {**only, **kept}
    if isinstance(schema.get("type"), list):
        [kind] = [one for one in schema["type"] if one != "null"]
        return {**schema, "type": kind, "enum": [one for one in schema["enum"] if one is not None]}
    return schema


def narrow(schema: Schema, node: Node, schemas: dict[str, Schema]) -> None:
    """Add to the schema of one value what its reader refuses."""
    if isinstance(node, Optionally):
        node = node.inner
    something = next((one for one in schema.get("oneOf", []) if one != NOTHING), schema)
    if isinstance(node, Record) and "$ref" in something:
        narrow_object(schemas[something["$ref"].rpartition("/")[2]], node, schemas)
    elif isinstance(node, Items):
        schema |= {"minItems": node.least, "maxItems": node.most}
        narrow(something["items"], node.inner, schemas)
    elif isinstance(node, Pairs):
        schema["maxProperties"] = node.most
    elif isinstance(node, Leaf) and "$ref" not in something and "enum" not in something:
        schema |= bounds(node)


def narrow_object(schema: Schema, node: Record, schemas: dict[str, Schema]) -> None:
    """Every field of an object, and no others."""
    if schema.get("additionalProperties") is False:
        return  # done already, for another operation
    schema["additionalProperties"] = False
    for one in plan_of(node.struct):
        narrow(schema["properties"][one.name], one.node, schemas)


def bounds(leaf: Leaf) -> Schema:
    """The bounds of all annotations of a field, the tightest where there are several."""
    found: Schema = {}
    for meta in leaf.metas:
        told = (meta.extra_json_schema or {}).get("extra", {})
        for name, word in BOUNDS.items():
            value = told.get(word, getattr(meta, name))
            if value is not None:
                tighter = max if word.startswith("min") else min
                found[word] = tighter(found.get(word, value), value)
    return found
