"""Schemathesis against a running portal, as one role after the other; a program of its own, beside any test's event loop.

    python -m tests.generated < plan.json > found.jsonl

The plan: `{"url", "seed", "examples", "phases", "document"?, "roles": [{"name", "email", "password", "cover"}]}`. `cover` are
the operations (`"GET /api/doctors"`) whose every boundary is tried; fuzzing and chains of calls take all of them. For each
role one line tells the calls, their statuses, how often each check was made, and what failed.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.portal_server import ROOT

STREAM = "/api/live"  # ends when the reader goes; F3 and I2 try its parameters
UPLOAD = "/api/appointments/{appointment_id}/files"  # what chance makes is no picture; I5 tries files
# A body may fit the document and not the present (a date in the past): that is 422. Unreadable (400) it must not be.
FITS = ["2xx", "3xx", "401", "403", "404", "409", "422", "429"]
CHAIN = 6


class Login:
    """Signs in, and again once the token is no good any more: one of the calls is to log out.

    Schemathesis makes its own object of the class, so what is known stands in the class.
    """

    url, token = "", ""
    account: ClassVar[dict[str, str]] = {}

    def get(self, case: Any, context: Any) -> str:
        if not Login.token:
            answer = httpx.post(f"{Login.url}/api/auth/login", json=Login.account)
            answer.raise_for_status()
            Login.token = answer.json()["access_token"]
        return Login.token

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"

    @staticmethod
    def hear(context: Any, case: Any, response: Any) -> None:
        sent = response.request.headers.get("Authorization", "")
        if response.status_code == 401 and sent in (f"Bearer {Login.token}", f"Bearer {Login.token}".encode()):
            Login.token = ""


def config_of(plan: dict[str, Any], phases: list[str]) -> SchemathesisConfig:
    examples = {"max-examples": plan["examples"], "no-shrink": True, "database": "none"}
    known: dict[str, Any] = {
        name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")
    }
    known["stateful"] |= {"max-steps": CHAIN, "generation": examples}
    return SchemathesisConfig.from_dict(
        {
            "seed": plan["seed"], "base-url": plan["url"], "continue-on-failure": True, "max-redirects": 0,
            "cache": {"enabled": False},  # each run for itself
            "generation": examples, "phases": known, "auth": {"auto-signup": False},  # who is nobody stays nobody
            "checks": {"positive_data_acceptance": {"expected-statuses": FITS}},
        }
    )  # fmt: skip


def runs(plan: dict[str, Any], role: dict[str, Any]) -> Iterator[Any]:
    """The events of both runs of a role: every boundary of some operations, then chance and chains over all."""
    document = plan.get("document") or httpx.get(f"{plan['url']}/schema/openapi.json").json()
    for phases in (["examples", "coverage"], ["fuzzing", "stateful"]):
        wanted = [phase for phase in phases if phase in plan["phases"]]
        schema = schemathesis.openapi.from_dict(document, config=config_of(plan, wanted)).exclude(path=STREAM)
        schema = schema.exclude(path=UPLOAD, method="POST")
        if "coverage" in phases:
            schema = schema.include(lambda ctx: f"{ctx.operation.method.upper()} {ctx.operation.path}" in role["cover"])
        if role["email"]:
            Login.url, Login.account = plan["url"], {"email": role["email"], "password": role["password"]}
            schema.auth(refresh_interval=None)(Login)
            schemathesis.hook("after_call")(Login.hear)
        if wanted and (role["cover"] or "fuzzing" in phases):
            yield from from_schema(schema).execute()
        schemathesis.hooks.unregister_all()


def report(plan: dict[str, Any], role: dict[str, Any]) -> dict[str, Any]:
    """What came of one role."""
    statuses: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    operations, failures = set(), []
    for event in runs(plan, role):
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            failures.append(f"{event.label}: {event.value}")
        if not isinstance(event, events.ScenarioFinished):
            continue
        told = event.recorder
        statuses.update(str(one.response.status_code if one.response else "none") for one in told.interactions.values())
        operations |= {f"{node.value.method.upper()} {node.value.path}" for node in told.cases.values()}
        for number, made in told.checks.items():
            checks.update(one.name for one in made)
            failures += [describe(told, number, one) for one in made if one.failure_info]
    return {
        "role": role["name"], "statuses": statuses, "checks": checks, "operations": sorted(operations), "failures": failures,
    }  # fmt: skip


def describe(told: Any, number: str, check: Any) -> str:
    """A failed check with the call that showed it."""
    case, call = told.cases[number].value, told.interactions.get(number)
    status = call.response.status_code if call and call.response else "no answer"
    body = repr(case.body)[:200]
    message = " ".join(str(check.failure_info.failure.message).split())[:200]
    return f"{check.name}: {case.method} {call.request.uri[:200] if call else case.path} {body} -> {status}: {message}"


def start(plan: dict[str, Any]) -> "subprocess.Popen[str]":
    """This program on a plan; its lines are read with `heard`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.generated"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(plan))
    process.stdin.close()
    return process


def heard(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    assert process.stdout is not None
    lines = [json.loads(line) for line in process.stdout]
    assert process.wait() == 0
    return lines


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    for role in plan["roles"]:
        sys.stdout.write(json.dumps(report(plan, role)) + "\n")
