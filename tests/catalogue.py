"""The catalogue of what must hold: one marker a line (`pytest -m B3`), one a group (`pytest -m B`), one table of figures.

A test that brings a line of the catalogue is marked with it and says what it measured with `figure()`; the table is
printed at the end of the run, by `make test` for the sizes that fit a gate and by `make soak` for the full ones.
"""

import os
from collections.abc import Iterable

import pytest

# Sizes are full when this is set (`make soak`), and such that the whole suite fits a gate otherwise.
FULL = os.environ.get("PORTAL_RACES") == "full"

LINES = {
    "A1": "one booking per doctor and moment", "A2": "no overlap, whatever the length", "A3": "a hold is its holder's",
    "A4": "a hold ends by the database's clock", "A5": "holding is not hoarding", "A6": "confirming cannot double",
    "A7": "rescheduling is atomic", "A8": "the life cycle is guarded", "A9": "queue numbers", "A10": "cancel frees",
    "A11": "local time is right", "A12": "the model of slots and visits",
    "B1": "one effect per key", "B2": "misused keys", "B3": "a crash neither loses nor doubles",
    "B4": "commit and event together", "B5": "the broker may die", "B6": "relays may die", "B7": "poison, unroutable",
    "B8": "order of a thing's events",
    "C1": "the access matrix", "C2": "foreign is absent", "C3": "ids in the body do not win", "C4": "nobody signs for another",
    "C5": "reads switch nobody",
    "C6": "a lost right is lost at once", "C7": "the second wall", "C8": "invitations take nothing over",
    "C9": "lists leak nothing", "C11": "removed guards are caught",
    "D1": "a fresh login id", "D2": "logout is final", "D3": "forged requests", "D4": "forged tokens", "D5": "refresh",
    "D6": "brute force", "D7": "no account is revealed", "D8": "headers", "D9": "scripts in texts",
    "D10": "the browser forgets", "D11": "hosts, redirects, headers",
    "E1": "filled at most once", "E2": "stock explains itself", "E3": "a retry credits once",
    "E4": "signed is unchangeable", "E5": "who may give out", "E6": "content is complete", "E7": "doses and amounts",
    "E8": "codes cannot be guessed", "E9": "the model of prescriptions",
    "F1": "a stream is its owner's", "F2": "reconnecting loses nothing", "F3": "junk event ids", "F4": "forged events",
    "F5": "slow and silent readers", "F6": "clean-up", "F7": "shutdown",
    "G1": "a killed web process", "G2": "PostgreSQL restarted", "G3": "Redis lost, slow, full", "G4": "the broker blocked",
    "G5": "disk full", "G6": "clocks apart", "G7": "pool exhausted", "G8": "deadlocks", "G9": "half requests",
    "G10": "hours under load", "G11": "upgrade under load",
    "H1": "every access has its row", "H2": "no audit, no act", "H3": "tampering shows", "H4": "audit appends",
    "H5": "the portal cannot change its audit", "H8": "back-up and restore", "H9": "logs",
    "I1": "generated requests", "I2": "bad inputs", "I3": "bad inputs in forms", "I4": "size and cost",
}  # fmt: skip

_figures: list[tuple[str, str]] = []


def figure(line: str, text: str) -> None:
    """Say what a test of a line measured, in a few words; it stands in the table at the end of the run."""
    assert line in LINES, line
    _figures.append((line, text))


def register(config: pytest.Config) -> None:
    """Make the markers known: every line, every group, and `catalogue` for all of them."""
    for line, what in LINES.items():
        config.addinivalue_line("markers", f"{line}: {what}")
    for group in sorted({line[0] for line in LINES}):
        config.addinivalue_line("markers", f"{group}: group {group} of the catalogue")
    config.addinivalue_line("markers", "catalogue: a test that brings a line of the catalogue")


def mark_groups(items: Iterable[pytest.Item]) -> None:
    """Give each marked test the markers of its group and of the whole."""
    for item in items:
        lines = {mark.name for mark in item.iter_markers()} & LINES.keys()
        for name in {line[0] for line in lines} | ({"catalogue"} if lines else set()):
            item.add_marker(name)


def table() -> list[str]:
    """One row a figure, in the catalogue's order."""
    order = list(LINES)
    rows = sorted(_figures, key=lambda row: order.index(row[0]))
    return [f"{line:4} {LINES[line]:36} {text}" for line, text in rows]
