"""What the Chime SDK of a page talks to, on this machine: a WebSocket behind TLS that notes who knocks, and with what."""

import base64
import hashlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "signal.tests.chime.aws"
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


@dataclass
class Knock:
    """One connection: its address, the sub-protocols that it offered, and the first frame it sent."""

    path: str
    protocols: list[str]
    first: bytes = b""
    heard: threading.Event = field(default_factory=threading.Event)


@dataclass
class Signalling:
    port: int = 0
    knocks: list[Knock] = field(default_factory=list)


class Handler(socketserver.StreamRequestHandler):
    signalling: Signalling

    def handle(self) -> None:
        path = self.rfile.readline().decode("latin-1").split(" ")[1]
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        knock = Knock(path, [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")])
        self.signalling.knocks.append(knock)
        accepted = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + MAGIC).encode()).digest()).decode()
        self.wfile.write(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accepted}\r\nSec-WebSocket-Protocol: {knock.protocols[0]}\r\n\r\n".encode()
        )
        knock.first = self._frame()
        knock.heard.set()
        self.rfile.read(1)  # until the page goes

    def _frame(self) -> bytes:
        """One masked frame of a client."""
        size = self.rfile.read(2)[1] & 0x7F
        if size > 125:
            size = int.from_bytes(self.rfile.read(2 if size == 126 else 8), "big")
        mask = self.rfile.read(4)
        return bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))


@contextmanager
def running_signalling(folder: Path) -> Iterator[Signalling]:
    """The WebSocket on a random port, for as long as the block runs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))
    found = Signalling()
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"signalling": found}))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path) -> Path:
    """A certificate that nobody has signed, with its key, as one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "signalling.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file
