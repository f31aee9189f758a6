"""Recording at Chime: a capture pipeline for the meeting, its end, and one file of its parts; AWS is a local endpoint."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar

from portal import db
from portal.recordings import jobs
from portal.settings import Settings
from tests.recordings.conftest import Recorded

pytestmark = pytest.mark.anyio

PIPELINE = {
    "MediaPipelineId": "aaaaaaaa-0000-4000-8000-000000000001",
    "MediaPipelineArn": "arn:aws:chime:us-east-1:1:media-pipeline/a",
}
MEETING = {"Meeting": {"MeetingId": "m-1", "MeetingArn": "arn:aws:chime::1:meeting/m-1"}}


@dataclass
class Aws:
    """What was asked of it, in order."""

    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    is_gone: bool = False

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append((method, path, body))
        if path.startswith("/meetings/"):
            return 200, MEETING
        if method == "DELETE":
            return (404, {"Code": "NotFound"}) if self.is_gone else (204, {})
        kind = "MediaConcatenationPipeline" if "concatenation" in path else "MediaCapturePipeline"
        return 201, {kind: PIPELINE}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    found = Aws()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size) or b"null")
            status, told = found.answer(self.command, self.path, body)
            content = b"" if status == 204 else json.dumps(told).encode()
            self.send_response(status)
            if status == 404:
                self.send_header("x-amzn-ErrorType", "NotFoundException")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    for name in ("MEETINGS", "MEDIA_PIPELINES"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_CHIME_SDK_{name}", url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def bucket(app: Litestar) -> Settings:
    settings: Settings = app.state.settings
    return replace(settings, storage="s3://visits/portal")


async def begin(visit: Recorded) -> dict[str, str]:
    """A recording by Chime of which Chime has not heard yet; the payload of its jobs."""
    await db.execute("UPDATE video_session SET provider = 'chime', meeting_id = 'm-1' WHERE id = $1", visit.session_id)
    recording = uuid4()
    await db.execute(
        "INSERT INTO recording (id, video_session_id, provider, media_type) VALUES ($1, $2, 'chime', 'video/mp4')",
        recording, visit.session_id,
    )  # fmt: skip
    return {"recording_id": str(recording)}


async def end(payload: dict[str, str]) -> None:
    await db.execute(
        "UPDATE recording SET status = 'STOPPED', stopped_at = clock_timestamp() WHERE id::text = $1",
        payload["recording_id"],
    )


async def test_a_pipeline_records_and_another_makes_one_file(visit: Recorded, aws: Aws, bucket: Settings) -> None:
    payload = await begin(visit)
    await jobs.start_capture(bucket, payload)
    await jobs.start_capture(bucket, payload)  # the job came twice
    await end(payload)
    await jobs.stop_capture(bucket, payload)
    sql = "SELECT entrypoint FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || $1 || '%' ORDER BY id"
    queued = [row["entrypoint"] for row in await db.fetch(sql, payload["recording_id"])]
    assert queued == ["start_capture", "stop_capture"]
    assert [method for method, _path, _body in aws.asked] == ["GET", "POST", "DELETE", "POST"]
    captured, joined = aws.asked[1][2], aws.asked[3][2]
    assert captured["SourceArn"] == MEETING["Meeting"]["MeetingArn"]
    folder = f"arn:aws:s3:::visits/portal/captures/{payload['recording_id']}"
    assert captured["SinkArn"] == f"{folder}/parts" and captured["ClientRequestToken"] == payload["recording_id"]
    assert joined["Sinks"][0]["S3BucketSinkConfiguration"]["Destination"] == f"{folder}/joined"
    source = joined["Sources"][0]["MediaCapturePipelineSourceConfiguration"]
    assert source["MediaPipelineArn"] == PIPELINE["MediaPipelineArn"]


async def test_what_was_stopped_before_it_began_is_not_recorded(visit: Recorded, aws: Aws, bucket: Settings) -> None:
    payload = await begin(visit)
    await end(payload)
    await jobs.start_capture(bucket, payload)
    await jobs.stop_capture(bucket, payload)
    assert aws.asked == []


async def test_a_pipeline_that_has_ended_by_itself_is_no_matter(visit: Recorded, aws: Aws, bucket: Settings) -> None:
    payload = await begin(visit)
    await jobs.start_capture(bucket, payload)
    aws.is_gone = True
    await end(payload)
    await jobs.stop_capture(bucket, payload)
    assert [method for method, _path, _body in aws.asked][-2:] == ["DELETE", "POST"]


async def test_without_a_bucket_nothing_is_recorded_there(visit: Recorded) -> None:
    await db.execute("UPDATE video_session SET provider = 'chime', meeting_id = 'm-1' WHERE id = $1", visit.session_id)
    refused = await visit.step(visit.cast.doctor, "CONSENT")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_recording")
    assert (await visit.state(visit.cast.doctor))["offered"] is False
