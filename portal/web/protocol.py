"""uvicorn's HTTP protocol, with one ASGI extension: a handler may give up its connection.

ASGI knows no way to drop a client that does not read. Closing waits until it has read everything, which may be never,
and its socket's buffer stays with us for so long; `scope["extensions"]["portal.abort"]()` ends both at once.
"""

import socket
import struct

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ABORT = "portal.abort"
_AT_ONCE = struct.pack("ii", 1, 0)  # no lingering: the kernel drops what it has not been able to send


class Protocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=Protocol)`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self._abort}  # type: ignore[dict-item]  # an extension may be anything

    def _abort(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()
