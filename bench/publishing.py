"""The portal in one process with one more address: POST /publish/{topic}/{slot} tells a topic as an action does.

    python -m bench.publishing PORT

It is there to time a publication by itself, without the request and the transaction that come before it.
"""

import sys
from typing import Any

import uvicorn

from portal import live
from portal.app import from_environment
from portal.live.bus import Message
from portal.web.protocol import Protocol

PATH = "/publish/"


def create() -> Any:
    portal = from_environment()

    def app(scope: Any, receive: Any, send: Any) -> Any:
        """Whatever is for the portal passes without another step around it, which each open stream would keep."""
        if scope.get("path", "").startswith(PATH):
            return publish(scope["path"].removeprefix(PATH), send)
        return portal(scope, receive, send)

    return app


async def publish(what: str, send: Any) -> None:
    topic, slot_id = what.split("/")
    live.current_hub().publish(Message(topic, "slot.released", {"slot_id": slot_id}))
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        "bench.publishing:create", factory=True, http=Protocol, loop="uvloop", port=int(sys.argv[1]),
        interface="asgi3", proxy_headers=False, log_config=None, access_log=False, timeout_graceful_shutdown=2,
    )  # fmt: skip
