"""A small S3 on loopback: it keeps objects in memory and believes nobody whose request is not signed as AWS asks for."""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET, REGION = "AKIATESTONLY", "a-secret-of-the-tests", "eu-test-1"


class S3(ThreadingHTTPServer):
    """`asked` are the requests that were accepted; `fail` answers the next ones with 503."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.ages: dict[str, float] = {}
        self.asked: list[str] = []
        self.refused: list[str] = []
        self.fail = 0

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.server_port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class Handler(BaseHTTPRequestHandler):
    server: S3
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_PUT(self) -> None:
        self.work()

    do_GET = do_DELETE = do_PUT

    def work(self) -> None:
        body = self.body()
        if not self.is_signed(body):
            self.server.refused.append(f"{self.command} {self.path}")
            self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            return
        if self.server.fail:
            self.server.fail -= 1
            self.answer(503, b"<Error><Code>SlowDown</Code></Error>")
            return
        parts = urlsplit(self.path)
        name, objects = unquote(parts.path).lstrip("/"), self.server.objects
        self.server.asked.append(f"{self.command} {name}")
        if self.command == "PUT":
            objects[name] = (body, self.headers["content-type"])
            self.answer(200)
        elif self.command == "DELETE":
            objects.pop(name, None)
            self.answer(204)
        elif "list-type" in parts.query:
            self.answer(200, self.listing(name.rstrip("/"), dict(parse_qsl(parts.query))))
        elif name in objects:
            self.answer(200, objects[name][0], objects[name][1])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def body(self) -> bytes:
        """A body of a known length, or in the chunks of `aws-chunked`, whose sizes are in hexadecimal."""
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if "aws-chunked" not in self.headers.get("content-encoding", ""):
            return raw
        found, rest = b"", raw
        while size := int(rest.split(b"\r\n", 1)[0].split(b";")[0], 16):
            rest = rest.split(b"\r\n", 1)[1]
            found, rest = found + rest[:size], rest[size + 2 :]
        return found

    def listing(self, bucket: str, query: dict[str, str]) -> bytes:
        """Two objects a page, so that whoever asks must go on asking."""
        names = sorted(n for n in self.server.objects if n.startswith(f"{bucket}/{query.get('prefix', '')}"))
        start = int(query.get("continuation-token", "0"))
        page, more = names[start : start + 2], len(names) > start + 2
        rows = ""
        for name in page:
            at = datetime.fromtimestamp(self.server.ages.get(name, datetime.now(UTC).timestamp()), UTC)
            key = escape(name.removeprefix(f"{bucket}/"))
            rows += f"<Contents><Key>{key}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
        token = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if more else ""
        body = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        return body.encode()

    def answer(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("date", format_datetime(datetime.now(UTC), usegmt=True))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_signed(self, body: bytes) -> bool:
        """AWS Signature Version 4, computed here from what has arrived."""
        given = self.headers.get("authorization", "")
        if not given.startswith("AWS4-HMAC-SHA256 "):
            return False
        fields = dict(part.split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(", "))
        key, day, region, service, end = fields["Credential"].split("/")
        if (key, region, service, end) != (KEY, REGION, "s3", "aws4_request"):
            return False
        content = self.headers["x-amz-content-sha256"]
        if len(content) == 64 and content != hashlib.sha256(body).hexdigest():
            return False
        parts = urlsplit(self.path)
        query = "&".join(
            f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}"
            for n, v in sorted(parse_qsl(parts.query, keep_blank_values=True))
        )
        names = fields["SignedHeaders"].split(";")
        heads = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names)
        asked = "\n".join([self.command, parts.path, query, heads, ";".join(names), content])
        scope = f"{day}/{region}/s3/aws4_request"
        text = "\n".join(
            ["AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, hashlib.sha256(asked.encode()).hexdigest()]
        )
        secret = f"AWS4{SECRET}".encode()
        for part in (day, region, "s3", "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        return hmac.compare_digest(fields["Signature"], hmac.digest(secret, text.encode(), "sha256").hex())


@contextmanager
def running() -> Iterator[S3]:
    server = S3()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
