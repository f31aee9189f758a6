"""The tiny application as processes of its own: `python -m tests.live.served PORT WORKERS`, with REDIS_URL and NAIVE."""

import os
import signal
import sys

import uvicorn
from litestar import Litestar

from portal.settings import Settings
from portal.web.protocol import Protocol
from tests.live import tiny


def app() -> Litestar:
    tiny.STORE.members.clear()
    if os.environ.get("NAIVE"):
        tiny.only_oneself = tiny.anybody
    return tiny.create_app(Settings(rate_limit=0, redis_url=os.environ.get("REDIS_URL", "")))


if __name__ == "__main__":
    # uvicorn raises the signal anew after an orderly end: then it is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        "tests.live.served:app", factory=True, port=int(sys.argv[1]), workers=int(sys.argv[2]), http=Protocol,
        log_level="warning",
    )  # fmt: skip
