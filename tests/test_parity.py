"""Every page action has its API twin that calls the same function, and the reverse: nothing is written twice."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PORTAL = Path(__file__).parent.parent / "portal"
UNSAFE = {"post", "put", "patch", "delete"}

# What only one face does, and why.
PAGES_ONLY = {"slots.actions.look_at_week": "seven days of look_at_days, which the API calls"}
API_ONLY = {
    "accounts.actions.check_token": "browsers have a cookie, no tokens",
    "accounts.actions.refresh": "browsers have a cookie, no tokens",
    "accounts.actions.token_pair": "browsers have a cookie, no tokens",
    "people.actions.change_profile": "on pages: the account in /settings, the record in /record, the practice in its own",
    "slots.actions.add_slot": "the form of many times makes a single one as well",
}
# Page handlers whose form changes nothing that is stored.
NO_ACTION: dict[str, str] = {}


class Face:
    """One `pages.py` or `api.py`: its handlers, and the functions of actions and queries that each one leads to."""

    def __init__(self, path: Path) -> None:
        self.name = f"{path.parent.name}.{path.stem}"
        self.tree = ast.parse(path.read_text())
        self.names = dict(imported(self.tree, "portal." + path.parent.name))
        self.functions = {
            node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    def handlers(self) -> Iterator[tuple[str, str]]:
        """(method, function) of every route."""
        for name, node in self.functions.items():
            called = [one.func for one in node.decorator_list if isinstance(one, ast.Call)]
            yield from ((one.id, name) for one in called if isinstance(one, ast.Name) and one.id in UNSAFE | {"get"})

    def reached(self, function: str, seen: frozenset[str] = frozenset()) -> set[str]:
        """What a function refers to, also through the helpers of its own file."""
        found: set[str] = set()
        own = local_names(self.functions[function])
        for node in ast.walk(self.functions[function]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = self.names.get(node.value.id, "")
                found |= {f"{module}.{node.attr}"} if module else set()
            elif not isinstance(node, ast.Name) or node.id in own:
                continue
            elif node.id in self.functions and node.id not in seen | {function}:
                found |= self.reached(node.id, seen | {function})
            elif node.id in self.names:
                found.add(self.names[node.id])
        return found


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Parameters and variables, which may have the name of another function."""
    parameters = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    return parameters | {
        one.id for one in ast.walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def imported(tree: ast.Module, own: str) -> Iterator[tuple[str, str]]:
    """Local name → full name, for everything that is imported from the portal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("portal"):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def faces(stem: str) -> tuple[Face, ...]:
    return tuple(Face(path) for path in sorted(PORTAL.glob(f"*/{stem}.py")))


def is_of(kind: str, name: str) -> bool:
    """Whether a full name is a function of some domain's `actions` or `queries`."""
    parts = name.split(".")
    return len(parts) == 4 and parts[2] == kind and parts[3].islower()


def used(stem: str, kind: str, methods: set[str]) -> dict[str, set[str]]:
    """Function → the handlers of one face that lead to it."""
    found: dict[str, set[str]] = {}
    for face in faces(stem):
        for method, handler in face.handlers():
            for name in face.reached(handler) if method in methods else ():
                if is_of(kind, name):
                    found.setdefault(name.removeprefix("portal."), set()).add(f"{face.name}.{handler}")
    return found


def differences(mine: dict[str, set[str]], theirs: dict[str, set[str]], excused: dict[str, str]) -> list[str]:
    return sorted(
        f"{name} (by {', '.join(sorted(mine[name]))})" for name in mine.keys() - theirs.keys() - excused.keys()
    )


ANY = UNSAFE | {"get"}


def test_every_page_action_has_its_twin() -> None:
    wrong = differences(used("pages", "actions", ANY), used("api", "actions", ANY), PAGES_ONLY)
    assert not wrong, f"no API handler calls: {wrong}"


def test_every_api_action_has_its_page() -> None:
    wrong = differences(used("api", "actions", UNSAFE), used("pages", "actions", ANY), API_ONLY)
    assert not wrong, f"no page calls: {wrong}"


def test_every_form_does_something() -> None:
    """A POST that calls no action would keep its rules to itself."""
    wrong = [
        f"{face.name}.{handler}"
        for face in faces("pages")
        for method, handler in face.handlers()
        if method in UNSAFE and not any(is_of("actions", name) for name in face.reached(handler))
    ]
    assert not set(wrong) - NO_ACTION.keys()


@pytest.mark.parametrize("excuses", [PAGES_ONLY, API_ONLY, NO_ACTION])
def test_excuses_are_still_needed(excuses: dict[str, str]) -> None:
    pages, api = used("pages", "actions", ANY), used("api", "actions", ANY)
    handlers = {f"{face.name}.{handler}" for face in faces("pages") for _method, handler in face.handlers()}
    assert not excuses.keys() - (pages.keys() ^ api.keys()) - handlers, "excused, and no longer needed"
