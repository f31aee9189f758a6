"""A relay as a process of its own, which writes down what it publishes: `python -m tests.faults.relaying FILE`."""

import asyncio
import sys
from pathlib import Path

from portal import acting, db, faults, outbox
from portal.outbox import Event
from portal.settings import Settings


async def main(published: Path) -> None:
    settings = Settings.from_env()
    faults.arm(settings.fault_at, settings.test_faults)
    acting.become(acting.PORTAL)  # as the relay of `portal worker`
    await db.connect(settings)

    async def publish(event: Event) -> None:
        with published.open("a") as file:
            file.write(f"{event.id}\n")

    while await outbox.relay_once(publish):
        pass
    await db.disconnect()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
