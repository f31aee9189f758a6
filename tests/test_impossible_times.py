"""Times that are well-formed, but cannot be (the bad-input list's date-times): 422 by API and form, and nothing is made."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from tests import catalogue
from tests.access.call import FORM
from tests.access.inputs import Good, goods, in_sandbox
from tests.access.stage import Stage, settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.I2]

PAST, FAR, SOON = (str(date.today() + timedelta(days=days)) for days in (-2, 800, 3))
SLOTS = "/api/doctors/{doctor_id}/slots"
SPELL = {"dates": [], "from": SOON, "to": SOON}
BACKWARDS, EMPTY = {"start": "16:00", "end": "15:00"}, {"start": "15:00", "end": "15:00"}
NIGHT, NEVER = ({"session_start_time": "12:00", "session_end_time": end} for end in ("09:00", "12:00"))
LATER, LONG_AGO = "2150-01-01T10:00:00Z", "1990-01-01T10:00:00Z"
BEYOND = [{"effective_from": FAR, "effective_to": None}, {"effective_from": "2150-01-01", "effective_to": None}]
ENDED = {"effective_from": SOON, "effective_to": PAST}
CHANGES: dict[str, list[dict[str, Any]]] = {
    f"POST {SLOTS}": [{"date": PAST}, {"date": FAR}, {"utc_offset": "+13:00"},
                      {"minutes": 0}, {"minutes": 1500}, {"minutes": -5}],
    f"POST {SLOTS}/bulk": [BACKWARDS, EMPTY, {"dates": [PAST]}, {"dates": [FAR]}, {**SPELL, "to": PAST}, {**SPELL, "to": FAR},
                           {"minutes": 5, "start": "15:00", "end": "15:02"}],
    "POST /api/sessions": [NIGHT, NEVER, ENDED, *BEYOND],
    "PUT /api/sessions/{session_id}": [NIGHT, NEVER, ENDED, *BEYOND],
    "POST /schedule/times/new": [BACKWARDS, EMPTY, {"dates": [PAST]}, {"dates": [FAR]}],
    "POST /schedule/sessions/new": [NIGHT, NEVER, ENDED, *BEYOND],
    "POST /api/appointments": [{"slot_id": None, "session_id": "$session", "date": PAST}],
    "POST /api/appointments/{appointment_id}/complete": [
        {"actual_start_time": LATER}, {"actual_start_time": LONG_AGO}, {"actual_end_time": LATER},
        {"actual_end_time": LONG_AGO}, {"actual_start_time": LONG_AGO, "actual_end_time": "2026-01-01T10:00:00Z"},
        {"actual_start_time": LONG_AGO, "actual_end_time": LONG_AGO}],
    "POST /appointments/{appointment_id}/complete": [{"began": "23:59"}, {"ended": "23:59"}],
    "POST /api/video/sessions": [{"scheduled_start_time": time} for time in (LATER, f"{FAR}T10:00:00Z", LONG_AGO)],
    "POST /api/waitlist": [{"from": FAR, "to": FAR}, {"from": "2150-01-01", "to": "2150-01-01"}, {"to": PAST}],
}  # fmt: skip


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


def changed(good: Good, change: dict[str, Any]) -> tuple[bytes, str]:
    ids = {f"${name}": str(value) for name, value in good.side.ids.items()}
    whole = good.body | {name: ids.get(str(value), value) for name, value in change.items()}
    given = {name: value for name, value in whole.items() if value is not None}
    if good.row.is_api:
        return msgspec.json.encode(given), "application/json"
    return urlencode(given, doseq=True).encode(), FORM


async def test_impossible_times_are_refused(stage: Stage) -> None:
    known, wrong = goods(stage), []
    before = await stage.sandbox.rows()
    attempts = [(call, change) for call, changes in CHANGES.items() for change in changes]
    for call, change in attempts:
        method, path = call.split(" ")
        good = known[method, path]
        body, kind = changed(good, change)
        async with in_sandbox(stage, method, good.url, good.person, body, kind) as answer:
            made = await stage.sandbox.rows() != before
        if answer.status != 422 or made:
            wrong.append(f"{call} {change}: {answer.status} {answer.text[:160]} {'and it was made' if made else ''}")
    catalogue.figure("I2", f"{len(attempts)} impossible times, {len(wrong)} taken")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("last", "status"), [(PAST, 422), (FAR, 422), (SOON, 200)])
async def test_a_range_ends_after_it_begins(stage: Stage, last: str, status: int) -> None:
    good = goods(stage)["GET", SLOTS]
    async with in_sandbox(stage, "GET", f"{good.url}?from={SOON}&to={last}", good.person) as answer:
        assert answer.status == status
