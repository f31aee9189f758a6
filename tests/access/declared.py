"""Whom each route lets in, read from its declaration, to be compared with what was agreed in `policy.toml`."""

import tomllib
from pathlib import Path
from typing import Any

from portal.accounts.schemas import Role
from portal.web.guards import Access
from tests.access.policy import routes

AGREED = Path(__file__).with_name("policy.toml")


def words(access: Access) -> str:
    """A declaration as `policy.toml` says it."""
    if access.public:
        return "anybody, nameless" if access.nameless else "anybody"
    named = " ".join(role.value for role in Role if role in access.roles)
    who = "everyone" if access.roles == frozenset(Role) else named
    return who + (", waiting too" if access.pending else "")


def differences(app: Any) -> list[str]:
    """Routes whose declaration is not the agreed one, each as the line that would agree with it."""
    agreed = tomllib.loads(AGREED.read_text())
    declared = {f"{method} {path}": words(handler.opt["access"]) for (method, path), handler in routes(app).items()}
    changed = [f'"{call}" = "{who}"' for call, who in declared.items() if agreed.get(call) != who]
    return sorted(changed) + [f"no such route: {call}" for call in sorted(agreed.keys() - declared.keys())]
