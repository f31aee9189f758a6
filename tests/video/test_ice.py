"""What two browsers get to find each other, and the settings that it comes from."""

import base64
import hmac
import time
from hashlib import sha1
from pathlib import Path
from uuid import UUID

import pytest

from portal.ids import uuid7
from portal.settings import SettingError, Settings
from portal.video.providers.webrtc import TURN_SECONDS, WebRtc

SECRET = "a secret of the tests"
SERVERS = (
    "stun:stun.clinic.example:3478",
    "turn:turn.clinic.example:3478?transport=udp",
    "turns:turn.clinic.example:5349",
)


def test_turn_credentials_say_until_when_and_prove_it() -> None:
    attendee = uuid7()
    stun, turn = WebRtc(SERVERS, SECRET).ice_servers(attendee)
    assert (stun.urls, stun.username, stun.credential) == ([SERVERS[0]], None, None)
    assert turn.urls == list(SERVERS[1:]) and turn.username and turn.credential
    until, _colon, who = turn.username.partition(":")
    assert UUID(who) == attendee and abs(int(until) - time.time() - TURN_SECONDS) < 5
    proof = hmac.digest(SECRET.encode(), turn.username.encode(), sha1)
    assert base64.b64decode(turn.credential) == proof
    assert SECRET not in turn.credential + turn.username
    assert WebRtc((), "").ice_servers(attendee) == []


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_env({"HOME": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), **environ})


def test_chime_is_chosen_where_aws_has_credentials(tmp_path: Path) -> None:
    assert settings(tmp_path).video == "webrtc"
    assert settings(tmp_path, AWS_ACCESS_KEY_ID="x").video == "chime"
    assert settings(tmp_path, AWS_ACCESS_KEY_ID="x", PORTAL_VIDEO="webrtc").video == "webrtc"
    (tmp_path / "credentials").touch()
    assert settings(tmp_path, AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials")).video == "chime"


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("PORTAL_VIDEO", {"PORTAL_VIDEO": "zoom"}),
        ("PORTAL_ICE_SERVERS", {"PORTAL_ICE_SERVERS": "https://stun.example"}),
        ("PORTAL_ICE_SERVERS", {"PORTAL_ICE_SERVERS": "stun:a b"}),
        ("PORTAL_TURN_SECRET", {"PORTAL_ICE_SERVERS": SERVERS[2]}),
        ("PORTAL_TURN_SECRET", {"PORTAL_TURN_SECRET": "short"}),
        ("PORTAL_MEDIA_REGION", {"PORTAL_MEDIA_REGION": "Frankfurt"}),
        ("PORTAL_AMQP_CONSUME", {"PORTAL_AMQP_CONSUME": "true"}),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingError) as refused:
        settings(tmp_path, **environ)
    assert str(refused.value).startswith(name) and "short" not in str(refused.value)


def test_servers_are_read_as_a_list(tmp_path: Path) -> None:
    found = settings(tmp_path, PORTAL_ICE_SERVERS=" , ".join(SERVERS), PORTAL_TURN_SECRET=SECRET)
    assert found.ice_servers == SERVERS and found.turn_secret == SECRET
