"""Nothing leaves the portal but the events of the contract, whoever writes them."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

import portal
from portal import db, outbox
from portal.appointments.transitions import MOVES
from portal.ids import uuid7

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

INSERTED = re.compile(r"INSERT INTO outbox_event\b.*?(?:\bFROM\b(?! v)|;|\Z)", re.DOTALL)
LITERAL = re.compile(r"'([a-z_]+(?:\.[a-z_]+)+)'")
FUNCTIONS = "SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc LIKE '%outbox_event%'"


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(portal.__path__, "portal."):
        yield importlib.import_module(found.name)


def named(sql: str) -> set[str]:
    """The event types that a statement writes, as far as it names them itself."""
    return {name for part in INSERTED.findall(sql) for name in LITERAL.findall(part)}


async def test_every_statement_writes_events_of_the_contract() -> None:
    texts = [text for module in modules() for text in vars(module).values() if isinstance(text, str)]
    found = {name for text in texts for name in named(text)}
    found |= {name for row in await db.fetch(FUNCTIONS) for name in named(row["prosrc"])}
    found |= {move.event for move in MOVES.values()}
    assert {"video.consultation.created", "video.consultation.completed", "appointment.checked_in"} <= found
    assert found <= outbox.EVENT_TYPES, found - outbox.EVENT_TYPES


async def test_what_an_earlier_version_wrote_stays_here() -> None:
    """A call used to be written like an event; the next event of that visit does not wait for it."""
    visit, told = uuid7(), []

    async def sink(event: outbox.Event) -> None:
        told.append((event.aggregate_id, event.event_type))

    for name in ("appointment.called", "appointment.started"):
        await db.execute(outbox.INSERT, uuid7(), name, visit, {})
    while await outbox.relay_once(sink):
        pass
    assert told == [(visit, "appointment.started")]
    assert not await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL")
