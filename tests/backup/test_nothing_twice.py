"""What waited when the back-up was made may have left since: a restored portal holds it back until somebody says so."""

import asyncio
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from portal import db, outbox, worker
from portal.backup import archive, restoring, saving
from portal.embedded import client_program
from portal.ids import uuid7
from portal.notifications import jobs
from portal.notifications.actions import mail_in_tx
from portal.outbox import Event
from portal.settings import Settings
from tests import catalogue
from tests.backup.conftest import Machine, NewMachine

pytestmark = [pytest.mark.anyio, pytest.mark.H8]


class World:
    """What other systems have received, and people in their mailboxes."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.mails: Counter[str] = Counter()

    async def sink(self, event: Event) -> None:
        self.events[event.data["name"]] += 1

    async def post(self, _settings: Settings, payload: dict[str, Any]) -> None:
        """The job that sends a mail, with the letter box in the place of the SMTP server."""
        mail = await db.fetch_row(jobs.WAITING, payload["mail_id"])
        assert mail is not None
        self.mails[mail["subject"]] += 1
        await db.execute(jobs.SENT, payload["mail_id"])

    async def run(self, machine: Machine, until: str) -> None:
        """Jobs and relay of a machine, until an event and a mail of this name have arrived."""
        async with machine.pool(), worker.running(machine.settings, [outbox.Job("mail", self.post)], [], self.sink):
            await write(until)
            async with asyncio.timeout(30):
                while not (self.events[until] and self.mails[until]):
                    await asyncio.sleep(0.05)

    def twice(self) -> int:
        return sum(number > 1 for number in [*self.events.values(), *self.mails.values()])


async def write(name: str) -> None:
    """One change that tells other systems and somebody by mail."""
    async with db.transaction():
        await outbox.emit_in_tx("user.registered", uuid7(), {"name": name})
        await mail_in_tx(None, f"{name}@test.example", name, "text")


async def test_nothing_leaves_twice(old: Machine, new_machine: NewMachine, tmp_path: Path) -> None:
    world, path = World(), tmp_path / "portal.zip"
    async with old.pool():
        for number in range(5):
            await write(f"pending-{number}")
    await saving.back_up(old.settings, path)
    await world.run(old, "on the old machine")  # it goes on, and sends them all
    assert world.twice() == 0 and len(world.events) == 6

    new = await new_machine()
    done = await restoring.restore(new.settings, path)
    assert (done.events, done.jobs) == (5, 5)
    await world.run(new, "on the new machine")
    assert world.twice() == 0

    twin = await plainly_restored(await new_machine(), path)
    seen = World()
    seen.events, seen.mails = world.events.copy(), world.mails.copy()
    await seen.run(twin, "on the twin")
    assert seen.twice() > 0, "a plain pg_restore must send again, or this test shows nothing"

    assert await restoring.release(new.settings, "events") == 5
    assert await restoring.release(new.settings, "mails") == 5
    await world.run(new, "after the release")
    assert world.twice() == 10
    catalogue.figure(
        "H8", f"10 events and mails that waited: 0 sent again; by a plain pg_restore {seen.twice()}; by `portal release` 10"
    )  # fmt: skip


async def plainly_restored(machine: Machine, path: Path) -> Machine:
    with ZipFile(path) as found:
        dump = found.read(archive.DATABASE)
    subprocess.run(
        [client_program("pg_restore"), "--no-owner", f"--dbname={machine.settings.database_url}"], input=dump, check=True
    )  # fmt: skip
    return machine
