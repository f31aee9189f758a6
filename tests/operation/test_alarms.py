"""The rules for Prometheus name only metrics that exist, and each alarm is explained to whoever is called at night."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal import metrics
from portal.operation.figures import Stored, read_rows
from portal.operation.schemas import Process, Queue

ROOT = Path(__file__).parent.parent.parent
MANUAL = (ROOT / "docs" / "operations.md").read_text()
NAME = re.compile(r"portal_[a-z_]+")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def families() -> dict[str, str]:
    """Every metric's base name and kind: those of the processes, and those that are read."""
    numbers = dict.fromkeys(("connections", "most_connections", "bytes", "waiting", "oldest_seconds", "dead"), 1.0)
    columns = ("runs", "failures", "seconds", "failures_in_row", "last_finished_at", "due_at")
    task = {"name": "relay", **dict.fromkeys(columns, 1.0)}
    queue = Queue(name="mail", waiting=1, oldest_seconds=1.0, held=1)
    processes: list[Process] = []
    found = read_rows({"free": 1}, Stored(numbers, [task], [queue], processes), has_listener=True)
    own = {family.name: family.type for family in metrics.OWN.collect()}
    return own | {one.name: one.kind for one in found}


def samples() -> set[str]:
    return {name + suffix for name, kind in families().items() for suffix in SUFFIXES[kind]}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_is_whole_and_explained(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"} and rule["annotations"]["summary"]
    unknown = set(NAME.findall(rule["expr"])) - samples()
    assert not unknown, unknown
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert re.search(rf"^\| `{rule['alert']}` \|.+\|.+\|.+\|$", MANUAL, re.M), "no row in docs/operations.md"


def test_no_alarm_is_explained_that_does_not_exist() -> None:
    explained = set(re.findall(r"^\| `(Portal[A-Za-z]+)` \|", MANUAL, re.M))
    assert explained == {rule["alert"] for rule in rules()}


def test_every_metric_is_explained_and_every_explained_one_exists() -> None:
    table = MANUAL[MANUAL.index("## Metrics") : MANUAL.index("## Alarms")]
    named = set(NAME.findall(table))
    known = {name + ("_total" if kind == "counter" else "") for name, kind in families().items()}
    assert named == known, named ^ known
