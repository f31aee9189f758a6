"""What an existing appointments or video service tells on a real RabbitMQ: once each, and nothing bad stands in the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aio_pika
import httpx
import msgspec
import pytest

from portal import db, liveness
from portal.ids import uuid7
from portal.integrations import arrivals, broker
from portal.video.arrivals import ARRIVALS
from portal.video.statements import CANCEL
from tests import services
from tests.appointments.conftest import Cast, app, appointment_row, audit_of, booked, cast, client
from tests.clients import emitted

pytestmark = pytest.mark.anyio
__all__ = ["app", "cast", "client"]


@pytest.fixture(scope="module")
def server() -> Iterator[services.Rabbit]:
    with services.rabbit() as one:
        yield one


class Elsewhere:
    """Another system on the same broker."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, exchanges: dict[str, Any]) -> None:
        self.channel, self.exchanges = channel, exchanges

    async def tell(self, event_type: str, data: Any, event_id: UUID | None = None) -> None:
        envelope = {"event_id": str(event_id or uuid7()), "event_type": event_type, "version": 1, "data": data}
        await self.send(event_type, msgspec.json.encode(envelope))

    async def send(self, event_type: str, body: bytes) -> None:
        exchange = self.exchanges[broker.EXCHANGES[event_type.partition(".")[0]]]
        await exchange.publish(aio_pika.Message(body), routing_key=event_type)

    async def all_done(self) -> None:
        """Until nothing waits and nothing is under way: a last event of each queue has been taken."""
        marks = [uuid7(), uuid7()]
        await self.tell("appointment.booked", elsewhere_visit(None, appointment_type="IN_PERSON"), marks[0])
        await self.tell("video.consultation.completed", {"appointment_id": "x"}, marks[1])
        async with asyncio.timeout(20):
            sql = "SELECT count(*) FROM inbox_event WHERE id = $1"
            while not await db.fetch_value(sql, marks[0]):
                await asyncio.sleep(0.02)
            while (await self.dead_letters(str(marks[1])))[1]:
                await asyncio.sleep(0.02)

    async def dead_letters(self, mark: str = "") -> tuple[list[str], bool]:
        """The reasons of all that lie there, and whether the one with this mark is still missing."""
        queue = await self.channel.get_queue(arrivals.DEAD_LETTERS)
        while (message := await queue.get(fail=False, no_ack=True)) is not None:
            self.found.append((str(message.headers["x-reason"]), message.body.decode("latin-1")))
        return [reason for reason, _body in self.found], not any(mark in body for _reason, body in self.found)

    found: list[tuple[str, str]]


@pytest.fixture
async def elsewhere(server: services.Rabbit, app: object) -> AsyncIterator[Elsewhere]:
    async with await aio_pika.connect(server.url) as connection, arrivals.listening(server.url, ARRIVALS):
        channel = await connection.channel()
        other = Elsewhere(channel, await broker.declare(connection, channel))
        await channel.declare_queue(arrivals.DEAD_LETTERS, durable=True)
        other.found = []
        yield other


def elsewhere_visit(cast: Cast | None, **more: Any) -> dict[str, Any]:
    start = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "appointment_id": str(uuid7()), "patient_id": str(cast.patient.id if cast else uuid7()),
        "doctor_id": str(cast.doctor.id if cast else uuid7()), "clinic_id": None, "start_time": start,
        "appointment_type": "VIRTUAL", "status": "BOOKED", "more": "than we know", **more,
    }  # fmt: skip


async def sessions_of(visit: dict[str, Any]) -> list[Any]:
    sql = "SELECT * FROM video_session WHERE external_appointment_id = $1"
    return await db.fetch(sql, UUID(visit["appointment_id"]))


async def test_an_appointment_from_elsewhere_gets_its_session_once(elsewhere: Elsewhere, cast: Cast) -> None:
    visit, in_person = elsewhere_visit(cast), elsewhere_visit(cast, appointment_type="IN_PERSON")
    same = uuid7()
    for _ in range(3):
        await elsewhere.tell("appointment.booked", visit, same)
    await elsewhere.tell("appointment.booked", visit)  # the same under another id
    await elsewhere.tell("appointment.booked", in_person)
    await elsewhere.all_done()
    (session,) = await sessions_of(visit)
    assert (session["booking_type"], session["status"], session["appointment_id"]) == (
        "DIRECT_DOCTOR",
        "SCHEDULED",
        None,
    )
    assert session["scheduled_end_time"] - session["scheduled_start_time"] == timedelta(minutes=30)
    assert not await sessions_of(in_person)
    (event,) = await emitted("video.consultation.created", session["id"])
    assert event["appointment_id"] == visit["appointment_id"]
    assert [row["action"] for row in await audit_of(session["id"])] == ["video.created"]
    called_off = elsewhere_visit(cast, start_time="2099-01-05T10:00:00Z")
    await elsewhere.tell("appointment.booked", called_off)
    await elsewhere.all_done()
    (other,) = await sessions_of(called_off)
    assert await db.fetch_value(CANCEL, other["id"], None, "x", ["SCHEDULED"], uuid7())
    (cancelled,) = await emitted("video.consultation.cancelled", other["id"])
    assert cancelled["appointment_id"] == called_off["appointment_id"]
    await db.execute("UPDATE video_session SET status = 'ACTIVE', provider = 'webrtc' WHERE id = $1", session["id"])
    await db.execute("UPDATE video_session SET status = 'COMPLETED' WHERE id = $1", session["id"])
    (told,) = await emitted("video.consultation.completed", session["id"])
    assert told["appointment_id"] == visit["appointment_id"]
    await elsewhere.tell("video.consultation.completed", told)  # our own telling comes back to us
    await elsewhere.all_done()
    assert len((await elsewhere.dead_letters())[0]) == 3  # the marks of `all_done`


async def test_our_own_bookings_come_back_and_change_nothing(
    elsewhere: Elsewhere, client: httpx.AsyncClient, cast: Cast
) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    (told,) = await emitted("appointment.booked", UUID(visit["id"]))
    await elsewhere.tell("appointment.booked", told)
    await elsewhere.all_done()
    assert await db.fetch_value("SELECT count(*) FROM video_session WHERE patient_id = $1", cast.patient.id) == 1


async def test_a_consultation_that_ended_elsewhere_completes_its_appointment(
    elsewhere: Elsewhere, client: httpx.AsyncClient, cast: Cast
) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    ended = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    told = {
        "appointment_id": visit["id"], "session_id": str(uuid7()), "duration_minutes": 12,
        "completed_at": ended.strftime("%Y-%m-%dT%H:%M:%SZ"), "session_notes": "rest",
    }  # fmt: skip
    for _ in range(2):
        await elsewhere.tell("video.consultation.completed", told)
    await elsewhere.all_done()
    assert not await emitted("video.consultation.cancelled", UUID(visit["video_session_id"]))
    row = await appointment_row(visit["id"])
    assert (row["status"], row["actual_end_time"]) == ("COMPLETED", ended)
    assert row["actual_start_time"] == ended - timedelta(minutes=12)
    assert len(await emitted("appointment.completed", UUID(visit["id"]))) == 1
    history = await db.fetch(
        "SELECT * FROM appointment_history WHERE appointment_id = $1 ORDER BY at", UUID(visit["id"])
    )
    assert [(one["to_status"], one["actor_id"]) for one in history][1:] == [("IN_PROGRESS", None), ("COMPLETED", None)]


async def test_bad_events_are_put_aside_with_their_reason(
    elsewhere: Elsewhere, client: httpx.AsyncClient, cast: Cast
) -> None:
    cancelled = await booked(client, cast, appointment_type="VIRTUAL")
    await client.post(f"/api/appointments/{cancelled['id']}/cancel", headers=cast.patient.bearer, json={"reason": "x"})
    await elsewhere.send("appointment.booked", b"\xff not json")
    await elsewhere.send("appointment.booked", b'{"event_id": "1"}')
    await elsewhere.send("appointment.booked", b'{"data": {"x": ' + b"[" * 100_000)
    await elsewhere.tell("appointment.booked", elsewhere_visit(None))
    await elsewhere.tell("appointment.booked", elsewhere_visit(cast, start_time="10:00"))
    await elsewhere.tell("video.consultation.completed", {"appointment_id": cancelled["id"]})
    await elsewhere.tell("video.consultation.completed", {"appointment_id": str(uuid7())})
    good = elsewhere_visit(cast)
    await elsewhere.tell("appointment.booked", good)
    await elsewhere.all_done()
    assert len(await sessions_of(good)) == 1
    reasons = (await elsewhere.dead_letters())[0]
    assert len(reasons) == 8  # and the mark of `all_done`
    for text in (
        "not an event", "RecursionError", "its doctor, patient or clinic is unknown here", "start_time",
        "its appointment is CANCELLED", "its appointment is unknown here",
    ):  # fmt: skip
        assert any(text in one for one in reasons), (text, reasons)
    assert not any(str(cast.patient.id) in one for one in reasons)
    assert (await appointment_row(cancelled["id"]))["status"] == "CANCELLED"


async def test_a_broker_that_comes_back_is_heard_again(server: services.Rabbit, app: object, cast: Cast) -> None:
    first, second = elsewhere_visit(cast), elsewhere_visit(cast)
    second["start_time"] = (datetime.now(UTC) + timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    async with arrivals.listening(server.url, ARRIVALS):
        for visit in (first, second):
            async with await aio_pika.connect(server.url) as connection:
                channel = await connection.channel()
                other = Elsewhere(channel, await broker.declare(connection, channel))
                await other.tell("appointment.booked", visit)
            async with asyncio.timeout(30):
                while not await sessions_of(visit):
                    await asyncio.sleep(0.05)
            if visit is first:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)


async def test_what_cannot_be_put_aside_stays_in_its_queue(
    elsewhere: Elsewhere, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place for dead letters takes nothing for a while: the message comes again, and is kept in the end."""
    bury, tries = arrivals._bury, []

    async def at_first_refused(*arguments: Any) -> None:
        tries.append(arguments)
        if len(tries) < 3:
            raise aio_pika.exceptions.DeliveryError(None, None)
        await bury(*arguments)

    monkeypatch.setattr(arrivals, "_bury", at_first_refused)
    monkeypatch.setattr(arrivals, "PAUSE_SECONDS", 0.1)
    await elsewhere.send("appointment.booked", b"nonsense")
    async with asyncio.timeout(20):
        while not any("nonsense" in body for _reason, body in elsewhere.found):
            await elsewhere.dead_letters()
            await asyncio.sleep(0.05)
    assert len(tries) == 3
    assert liveness._tallies["arrivals"].failures >= 3
