"""Amazon Chime on this machine: an endpoint that holds every request against the model of the AWS library.

It knows its meetings by the token of the request and its attendees by the id of the person, as Chime does, and it can be
told to fail: `faults` are used up one a request, of whatever kind.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import botocore.session
from botocore.validate import ParamValidator

MODEL = botocore.session.get_session().get_service_model("chime-sdk-meetings")
KEY, SECRET = "AKIDOFTHETESTS000000", "the/secret+of+the+tests/0123456789abcdef"
REGION = "eu-central-1"
SILENCE = 2.0  # seconds; longer than the portal waits for one answer
STATUS = {"ServiceFailureException": 500, "ServiceUnavailableException": 503, "ConflictException": 409}
PLACES = (
    "AudioHostUrl", "AudioFallbackUrl", "SignalingUrl", "TurnControlUrl", "ScreenDataUrl", "ScreenViewingUrl",
    "ScreenSharingUrl", "EventIngestionUrl",
)  # fmt: skip


class Refused(Exception):
    """An answer that is an error, by its name in the model."""


@dataclass
class FakeChime:
    """What is at Chime, what was asked, and what was wrong with it."""

    url: str = ""
    forgetful: bool = False  # makes a new thing for each request, whatever its token
    faults: list[str] = field(default_factory=list)
    meetings: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, the live ones
    tokens: dict[str, str] = field(default_factory=dict)  # of a request → id
    made: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        self.forgetful = False
        for one in (self.faults, self.meetings, self.tokens, self.made, self.asked, self.wrong):
            one.clear()

    def attendees(self) -> list[tuple[str, str]]:
        """(meeting, person) of all who have a place in a live meeting."""
        return [
            (meeting, who["ExternalUserId"]) for meeting, one in self.meetings.items() for who in one["people"].values()
        ]

    def do(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.asked[operation] += 1
            made: dict[str, Any] = getattr(self, f"do_{operation}")(**given)
            return made

    def do_CreateMeeting(self, ClientRequestToken: str, ExternalMeetingId: str, MediaRegion: str) -> dict[str, Any]:
        known = None if self.forgetful else self.tokens.get(ClientRequestToken)
        if known not in self.meetings:
            known = str(uuid4())
            host = f"https://{known}.chime.test"
            meeting = {
                "MeetingId": known, "ExternalMeetingId": ExternalMeetingId, "MediaRegion": MediaRegion,
                "MediaPlacement": {name: f"{host}/{name}" for name in PLACES},
            }  # fmt: skip
            self.meetings[known], self.tokens[ClientRequestToken] = {"Meeting": meeting, "people": {}}, known
            self.made["meeting"] += 1
        return {"Meeting": self.meetings[known]["Meeting"]}

    def _people(self, meeting_id: str) -> dict[str, dict[str, Any]]:
        if meeting_id not in self.meetings:
            raise Refused("NotFoundException")
        people: dict[str, dict[str, Any]] = self.meetings[meeting_id]["people"]
        return people

    def do_CreateAttendee(self, MeetingId: str, ExternalUserId: str) -> dict[str, Any]:
        people = self._people(MeetingId)
        same = [one for one in people.values() if one["ExternalUserId"] == ExternalUserId and not self.forgetful]
        if not same:
            attendee = str(uuid4())
            token = f"join-{uuid4().hex}"
            same = [{"AttendeeId": attendee, "ExternalUserId": ExternalUserId, "JoinToken": token}]
            people[attendee] = same[0]
            self.made["attendee"] += 1
        return {"Attendee": same[0]}

    def do_GetAttendee(self, MeetingId: str, AttendeeId: str) -> dict[str, Any]:
        people = self._people(MeetingId)
        if AttendeeId not in people:
            raise Refused("NotFoundException")
        return {"Attendee": people[AttendeeId]}

    def do_DeleteAttendee(self, MeetingId: str, AttendeeId: str) -> dict[str, Any]:
        if self._people(MeetingId).pop(AttendeeId, None) is None:
            raise Refused("NotFoundException")
        return {}

    def do_DeleteMeeting(self, MeetingId: str) -> dict[str, Any]:
        self._people(MeetingId)
        del self.meetings[MeetingId]
        return {}

    def check(self, operation: str, given: dict[str, Any], headers: Any) -> None:
        """Hold a request against the model: its fields, their form, and that it is signed."""
        shape = MODEL.operation_model(operation).input_shape
        report = ParamValidator().validate(given, shape)
        if report.has_errors():
            self.wrong.append(f"{operation}: {report.generate_report()}")
        for name, value in given.items():
            rule = shape.members[name].metadata
            if not re.fullmatch(rule.get("pattern", ".*"), value) or not rule.get("min", 0) <= len(value) <= rule.get(
                "max", 999
            ):
                self.wrong.append(f"{operation}: {name}={value!r}")
        signed = headers.get("Authorization", "")
        if not signed.startswith(f"AWS4-HMAC-SHA256 Credential={KEY}/") or f"/{REGION}/chime/" not in signed:
            self.wrong.append(f"{operation} is not signed: {signed[:60]}")


def operation_of(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Which operation of the model has this method and address, with what stands in the address."""
    for name in MODEL.operation_names:
        wanted = MODEL.operation_model(name).http
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(wanted["requestUri"]))
        found = re.fullmatch(pattern, path)
        if found and wanted["method"] == method:
            return name, found.groupdict()
    raise LookupError(f"{method} {path}")


class Handler(BaseHTTPRequestHandler):
    chime: FakeChime
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.answer()

    do_GET = do_DELETE = do_POST

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size) or b"{}")
        operation, in_path = operation_of(self.command, self.path)
        given = {**in_path, **body}
        self.chime.check(operation, given, self.headers)
        fault = self.chime.faults.pop(0) if self.chime.faults else ""
        try:
            if fault in STATUS:
                self.chime.asked[operation] += 1
                raise Refused(fault)
            done = self.chime.do(operation, given)
            if fault == "lost":  # done, and the answer does not arrive
                raise Refused("ServiceFailureException")
            if fault == "silence":
                time.sleep(SILENCE)
        except Refused as refused:
            self.send(STATUS.get(str(refused), 404), {"Message": "no", "Code": str(refused)}, str(refused))
        else:
            self.send(204 if self.command == "DELETE" else 200, done)

    def send(self, status: int, content: dict[str, Any], error: str = "") -> None:
        body = b"" if status == 204 else json.dumps(content).encode()
        try:
            self.send_response(status)
            if error:
                self.send_header("x-amzn-ErrorType", error)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # whoever asked did not wait
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running_chime() -> Iterator[FakeChime]:
    """The endpoint on a random port, for as long as the block runs."""
    chime = FakeChime()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"chime": chime}))
    server.daemon_threads = True
    chime.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield chime
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(url: str) -> dict[str, str]:
    """What makes the AWS library come here, with keys of the tests and nothing that it finds on this machine."""
    return {
        "AWS_ENDPOINT_URL_CHIME_SDK_MEETINGS": url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION, "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
