"""Requests that a machine makes up from the OpenAPI document, as every role (I1): nothing breaks, and all is as documented."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from portal import db
from portal.settings import Settings
from tests import catalogue, generated
from tests.access import world
from tests.access.policy import is_let_in, routes
from tests.access.stage import QUICK
from tests.access.world import PASSWORD
from tests.portal_server import beside, served

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.I1]

SEED = random.getrandbits(32) if catalogue.FULL else 20261120
EXAMPLES = 25 if catalogue.FULL else 1
PHASES = ["examples", "coverage", "fuzzing", "stateful"]
# One person for each role. The system admin comes last, and alone: whom it suspends, nobody can be any more.
AT_ONCE = [["anonymous", "owner", "treating"], ["admin here", "pharmacist"]]
LAST = ["system"]
ROLES = {"anonymous": "nobody", "owner": "patient", "treating": "doctor", "admin here": "clinic admin",
         "pharmacist": "pharmacy", "system": "system admin"}  # fmt: skip
WATCHED = {
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "positive_data_acceptance", "ignored_auth",
    "unsupported_method",
}  # fmt: skip


@dataclass
class Target:
    """A portal with its people, as its callers see it."""

    url: str
    people: dict[str, Any]

    def plan(self, names: list[str], cover: dict[str, list[str]], **more: Any) -> dict[str, Any]:
        roles = [
            {"name": name, "email": email_of(self.people[name]), "password": PASSWORD, "cover": cover.get(name, [])}
            for name in names
        ]
        return {"url": self.url, "seed": SEED, "examples": EXAMPLES, "phases": PHASES, "roles": roles, **more}


def email_of(person: Any) -> str:
    return person.actor.email if person else ""


@pytest.fixture(scope="module")
async def target(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    data = tmp_path_factory.mktemp("data")
    with served(data=data, DATABASE_URL=database_url, PORTAL_RATE_LIMIT="0") as portal:
        async with beside(portal, database_url, data):
            made = await world.build()
            await db.execute("UPDATE account SET password_hash = $1", QUICK.hash(PASSWORD))
        yield Target(portal.url, made.people)


@pytest.fixture(scope="module")
def document(target: Target) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{target.url}/schema/openapi.json").json()
    return found


def operations_of(document: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, known in document["paths"].items() for method in known}


def shares(target: Target, operations: set[str]) -> dict[str, list[str]]:
    """Whose calls try every boundary of an operation: at full size everybody's, in the gate the first who may call it."""
    if catalogue.FULL:
        return {name: sorted(operations) for name in ROLES}
    from portal.app import create_app

    handlers = routes(create_app(Settings()))
    found: dict[str, list[str]] = {name: [] for name in ROLES}
    for operation in sorted(operations):
        method, path = operation.split(" ")
        access = handlers[method, path].opt["access"]
        found[next(name for name in ROLES if is_let_in(access, target.people[name]))].append(operation)
    return found


def test_generated_requests_as_every_role(target: Target, document: dict[str, Any]) -> None:
    operations = operations_of(document) - {f"GET {generated.STREAM}", f"POST {generated.UPLOAD}"}
    cover = shares(target, operations)
    running = [generated.start(target.plan(names, cover)) for names in AT_ONCE]
    told = [one for process in running for one in generated.heard(process)]
    told += generated.heard(generated.start(target.plan(LAST, cover)))
    checks, statuses = Counter[str](), Counter[str]()
    for one in told:
        checks.update(one["checks"])
        statuses.update(one["statuses"])
        print(f"\n{ROLES[one['role']]}: {sum(one['statuses'].values())} calls {dict(sorted(one['statuses'].items()))}")
    calls, failures = sum(statuses.values()), [f"{one['role']}: {text}" for one in told for text in one["failures"]]
    catalogue.figure(
        "I1", f"{calls} calls as 6 roles, {sum(checks.values())} checks, {len(failures)} failed (seed {SEED})"
    )
    assert not failures, f"seed {SEED}\n" + "\n".join(failures[:40])
    assert {one["role"] for one in told} == set(ROLES)
    assert all(set(one["operations"]) >= operations for one in told), "every role tries every operation"
    assert checks.keys() >= WATCHED, WATCHED - checks.keys()
    assert all(any(status.startswith("2") for status in one["statuses"]) for one in told)


def test_a_document_that_lies_is_caught(target: Target, document: dict[str, Any]) -> None:
    """The same portal under a document that says other things: the checks are known to bite."""
    doctors, places = (document["paths"][path]["get"] for path in ("/api/doctors", "/api/clinics"))
    number = {"description": "A number.", "content": {"application/json": {"schema": {"type": "number"}}}}
    lying = {
        **document,
        "paths": {
            "/api/doctors": {"get": {**doctors, "security": [{"bearer": []}], "responses": {"200": number}}},
            "/api/clinics": {"get": {**places, "responses": {"202": number}, "parameters": []}},
        },
    }
    plan = target.plan(["owner"], {"owner": ["GET /api/doctors", "GET /api/clinics"]}, document=lying)
    [told] = generated.heard(generated.start(plan))
    caught = {failure.partition(":")[0] for failure in told["failures"]}
    assert caught >= {"ignored_auth", "status_code_conformance", "response_schema_conformance"}, caught
