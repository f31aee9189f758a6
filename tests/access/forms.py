"""Which form a page handler reads: found in its source, so that no handler needs to say it twice."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from msgspec import Struct

from tests.access.policy import routes


def form_of(function: Any, seen: frozenset[str] = frozenset()) -> type[Struct] | None:
    """The Struct in `read_form(request, …)`, in the handler or in a helper of its module."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "read_form":
            return struct_of(node.args[1], function.__globals__)
        helper = function.__globals__.get(node.func.id)
        is_own = isinstance(helper, FunctionType) and helper.__module__ == function.__module__
        if is_own and node.func.id not in seen and (found := form_of(helper, seen | {node.func.id})):
            return found
    return None


def struct_of(argument: ast.expr, known: dict[str, Any]) -> type[Struct] | None:
    """A Struct by its name; of a table of Structs (`FORMS[section]`) the first one."""
    if isinstance(argument, ast.Name):
        return known.get(argument.id)
    if isinstance(argument, ast.Subscript) and isinstance(argument.value, ast.Name):
        return next(iter(known[argument.value.id].values()))
    return None


def page_forms(app: Any) -> Iterator[tuple[tuple[str, str], type[Struct]]]:
    """((method, path), Struct) of every page that takes a form."""
    for (method, path), handler in routes(app).items():
        if method == "POST" and not path.startswith(("/api/", "/fhir/")):
            struct = form_of(handler.fn)
            if struct is not None:
                yield (method, path), struct
