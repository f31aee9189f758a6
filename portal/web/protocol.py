"""uvicorn's HTTP protocol, with one ASGI extension: a handler may give up its connection.

ASGI knows no way to drop a client that does not read. Closing waits until it has read everything, which may be never,
and its socket's buffer stays with us for so long; `scope["extensions"]["portal.abort"]()` ends both at once.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=Protocol)`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"portal.abort": self.transport.abort}  # type: ignore[dict-item]
