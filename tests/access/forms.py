"""Which form a page handler reads: found in its source, so that no handler needs to say it twice."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from msgspec import Struct

from tests.access.inputs import Good, variants
from tests.access.policy import routes
from tests.access.stage import Stage


def form_of(function: Any, seen: frozenset[str] = frozenset(), part: str = "") -> type[Struct] | None:
    """The Struct in `read_form(request, …)`, in the handler or in a helper of its module; of a table the one of `part`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "read_form":
            return struct_of(node.args[1], function.__globals__, part)
        helper = function.__globals__.get(node.func.id)
        is_own = isinstance(helper, FunctionType) and helper.__module__ == function.__module__
        if is_own and node.func.id not in seen and (found := form_of(helper, seen | {node.func.id}, part)):
            return found
    return None


def struct_of(argument: ast.expr, known: dict[str, Any], part: str) -> type[Struct] | None:
    """A Struct by its name; of a table of Structs (`FORMS[section]`) the one of this part, else the first."""
    if isinstance(argument, ast.Name):
        return known.get(argument.id)
    if isinstance(argument, ast.Subscript) and isinstance(argument.value, ast.Name):
        table = known[argument.value.id]
        return next((struct for name, struct in table.items() if name == part), next(iter(table.values())))
    return None


def page_forms(stage: Stage) -> Iterator[tuple[Good, type[Struct] | None]]:
    """A good call of every page that is posted, once for each word in its address, with the Struct of its form if any."""
    for good in variants(stage):
        if good.row.method == "POST" and not good.row.is_api:
            handler = routes(stage.app)[good.row.method, good.row.path]
            yield good, form_of(handler.fn, part=good.row.url(good.side).rpartition("/")[2])
