"""One relay as a process of its own: `python -m tests.outbox.relay LEASE_SECONDS`, with DATABASE_URL and AMQP_URL.

The same loop as in `portal worker`, without its jobs; the lease may be shorter, so that a test need not wait for it.
"""

import asyncio
import os
import subprocess
import sys

from portal import db, outbox, worker
from portal.integrations.broker import Broker
from portal.settings import Settings
from tests.portal_server import ROOT


async def main(lease: float) -> None:
    outbox.LEASE_SECONDS = lease  # type: ignore[assignment]
    settings = Settings(database_url=os.environ["DATABASE_URL"], pool_size=3)
    broker = Broker(os.environ["AMQP_URL"])
    await db.connect(settings)
    await worker._relay_for_ever(settings, broker.send, broker.prepare)


def start(database_url: str, amqp_url: str, lease: float = outbox.LEASE_SECONDS) -> subprocess.Popen[bytes]:
    """Whoever starts it kills it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.outbox.relay", str(lease)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "AMQP_URL": amqp_url},
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
