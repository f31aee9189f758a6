"""The same room over Chime: the page's SDK knocks at the signalling server with the token that the portal got for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Guests
from tests.browser.rooms import open_room
from tests.browser.signalling import HOST, Signalling, running_signalling
from tests.browser.stage import INVENTED, Stage
from tests.portal_server import served
from tests.services import browser_program
from tests.video.chime import KEY, REGION, SECRET, FakeChime, environment, running_chime


@pytest.fixture(scope="module")
def signalling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signalling]:
    with running_signalling(tmp_path_factory.mktemp("signalling")) as running:
        yield running


@pytest.fixture(scope="module")
def chime() -> Iterator[FakeChime]:
    """An endpoint whose meetings are at the signalling server of this machine."""
    with running_chime() as running:
        create = running.do_CreateMeeting

        def do_create_meeting(**given: Any) -> dict[str, Any]:
            made = create(**given)
            made["Meeting"]["MediaPlacement"]["SignalingUrl"] = f"wss://{HOST}/control/{made['Meeting']['MeetingId']}"
            return made

        running.do_CreateMeeting = do_create_meeting  # type: ignore[method-assign]
        yield running


@pytest.fixture(scope="module")
def guests_of_chime(
    browser: Browser, stage: Stage, chime: FakeChime, signalling: Signalling, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guests]:
    """A browser that finds `*.chime.aws` on this machine, on a portal that was told to meet by Chime."""
    there = f"--host-resolver-rules=MAP *.chime.aws 127.0.0.1:{signalling.port}"
    settings = {
        "PORTAL_RATE_LIMIT": "0",
        "PORTAL_VIDEO": "chime",
        **environment(chime.url),
        "AWS_DEFAULT_REGION": REGION,
    }
    with served("--demo", DATABASE_URL=stage.database_url, **settings) as portal:
        other = browser.browser_type.launch(
            executable_path=browser_program(), args=["--no-sandbox", *INVENTED, there, "--ignore-certificate-errors"]
        )
        guests = Guests(other, portal.url)
        yield guests
        guests.close()
        other.close()
        assert not [text for text in guests.complaints if "Content Security Policy" in text]
        log = Path(portal.log).read_text()
        assert KEY not in log and SECRET not in log


def test_the_page_knocks_with_the_issued_token(
    guests_of_chime: Guests, stage: Stage, chime: FakeChime, signalling: Signalling
) -> None:
    room = open_room(guests_of_chime, stage)
    loaded = []
    for page in (room.patient, room.doctor):
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(room.path)
        page.locator("#room[data-near=on]").wait_for()
        page.get_by_role("button", name="Join the visit").click()
        expect(page.locator("#room[data-stage=waiting]")).to_be_visible()
    for number in (0, 1):
        room.patient.wait_for_function("() => true")
        for _ in range(100):
            if len(signalling.knocks) > number and signalling.knocks[number].first:
                break
            room.patient.wait_for_timeout(50)
    ((meeting_id, meeting),) = chime.meetings.items()
    tokens = {one["JoinToken"] for one in meeting["people"].values()}
    knocks = signalling.knocks[:2]
    assert [knock.protocols[0] for knock in knocks] == ["_aws_wt_session"] * 2
    assert {knock.protocols[1] for knock in knocks} == tokens and len(tokens) == 2
    assert all(knock.path.startswith(f"/control/{meeting_id}") for knock in knocks)
    assert all(knock.first[0] == 5 for knock in knocks), "the SDK's frame"
    assert [url for url in loaded if "chime-sdk" in url]
    assert room.states()[0] == "ACTIVE"
    assert not chime.wrong
    text = room.patient.content()
    assert KEY not in text and not any(token in text for token in tokens)
