"""Recording at Amazon Chime: a media capture pipeline writes parts to S3, another one joins them to one file.

Each request carries the recording as its token, so that one that is repeated makes nothing twice.
"""

import asyncio
import os
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from msgspec import Struct

from portal.video.providers.chime import ATTEMPTS, GONE, READ_SECONDS, REGION

ENABLED = {"State": "Enabled"}
DISABLED = {"State": "Disabled"}


class Pipeline(Struct, frozen=True):
    """What records a meeting."""

    id: str
    arn: str


class Capture:
    """`address` is the bucket of the settings: `s3://bucket/prefix`. What AWS refuses is the job's to try again."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        prefix = parts.path.strip("/")
        self._sink = f"arn:aws:s3:::{parts.netloc}" + (f"/{prefix}" if prefix else "")

    async def start(self, meeting_id: str, recording_id: UUID, folder: str) -> Pipeline:
        """Record a meeting: the picture of whoever is there, composed to one, and both voices."""
        return await asyncio.to_thread(self._start, meeting_id, recording_id, folder)

    def _start(self, meeting_id: str, recording_id: UUID, folder: str) -> Pipeline:
        meeting = _client("chime-sdk-meetings").get_meeting(MeetingId=meeting_id)["Meeting"]
        made = _client("chime-sdk-media-pipelines").create_media_capture_pipeline(
            SourceType="ChimeSdkMeeting",
            SourceArn=meeting["MeetingArn"],
            SinkType="S3Bucket",
            SinkArn=f"{self._sink}/{folder}",
            ClientRequestToken=str(recording_id),
            ChimeSdkMeetingConfiguration={
                "ArtifactsConfiguration": {
                    "Audio": {"MuxType": "AudioWithCompositedVideo"},
                    "Video": DISABLED,
                    "Content": DISABLED,
                    "CompositedVideo": {
                        "Layout": "GridView",
                        "Resolution": "HD",
                        "GridViewConfiguration": {"ContentShareLayout": "PresenterOnly"},
                    },
                }
            },
        )["MediaCapturePipeline"]
        return Pipeline(made["MediaPipelineId"], made["MediaPipelineArn"])

    async def stop(self, pipeline: Pipeline) -> None:
        """End a recording; one that has ended already has."""
        await asyncio.to_thread(self._stop, pipeline)

    @staticmethod
    def _stop(pipeline: Pipeline) -> None:
        try:
            _client("chime-sdk-media-pipelines").delete_media_capture_pipeline(MediaPipelineId=pipeline.id)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "") not in GONE:
                raise

    async def join(self, pipeline: Pipeline, recording_id: UUID, folder: str) -> None:
        """Make one file of the parts; Chime does so in its own time."""
        await asyncio.to_thread(self._join, pipeline, recording_id, folder)

    def _join(self, pipeline: Pipeline, recording_id: UUID, folder: str) -> None:
        _client("chime-sdk-media-pipelines").create_media_concatenation_pipeline(
            Sources=[
                {
                    "Type": "MediaCapturePipeline",
                    "MediaCapturePipelineSourceConfiguration": {
                        "MediaPipelineArn": pipeline.arn,
                        "ChimeSdkMeetingConfiguration": {
                            "ArtifactsConfiguration": {
                                "Audio": ENABLED,
                                "Video": DISABLED,
                                "Content": DISABLED,
                                "DataChannel": DISABLED,
                                "TranscriptionMessages": DISABLED,
                                "MeetingEvents": DISABLED,
                                "CompositedVideo": ENABLED,
                            }
                        },
                    },
                }
            ],
            Sinks=[
                {"Type": "S3Bucket", "S3BucketSinkConfiguration": {"Destination": f"{self._sink}/{folder}"}},
            ],
            ClientRequestToken=f"{recording_id}-joined",
        )


def _client(service: str) -> Any:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
    retries = {"total_max_attempts": ATTEMPTS, "mode": "standard"}
    config = Config(region_name=region, connect_timeout=3, read_timeout=10 * READ_SECONDS, retries=retries)
    return boto3.session.Session().client(service, config=config)
