"""The raw floor of a live update: one uvloop process that writes the same bytes to every open connection.

    python -m bench.bare.floor PORT

`GET /live` opens a stream, `POST /publish/SIZE` writes one frame of SIZE bytes to all of them. No framework, no HTTP parser,
no database.
"""

import asyncio
import sys
from typing import Any

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
READERS: set[Any] = set()


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET"):
            READERS.add(self.transport)
            self.transport.write(HEAD)
            return
        frame = b"x" * int(data.split(b" ", 2)[1].rpartition(b"/")[2])
        for reader in READERS:
            reader.write(frame)
        self.transport.write(DONE)

    def connection_lost(self, exc: Exception | None) -> None:
        READERS.discard(self.transport)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
