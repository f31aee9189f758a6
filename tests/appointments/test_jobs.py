"""The worker's part: people are reminded once, in their language and without detail; visits nobody came to are closed."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import clock, db
from portal.accounts import jobs as accounts_jobs
from portal.appointments import jobs, mails
from portal.notifications.schemas import TEXTS
from portal.settings import Settings
from portal.slots import jobs as slots_jobs
from portal.video import jobs as video_jobs
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, audit_of, book, booked, events_of, get, post
from tests.clients import mails_to, published
from tests.slots.conftest import row_of

pytestmark = pytest.mark.anyio

MOVE = """
UPDATE appointment SET starts_at = clock_timestamp() + $2::interval, date = (clock_timestamp() + $2::interval)::date,
    ends_at = clock_timestamp() + $2::interval + interval '15 minutes', created_at = clock_timestamp() - $3::interval
WHERE id = $1
"""
KINDS = "SELECT kind FROM notification WHERE account_id = $1 AND kind LIKE 'appointment.%' ORDER BY created_at, kind"


async def move(visit: Any, begins_in: timedelta, booked_before: timedelta = timedelta(days=3)) -> None:
    await db.execute(MOVE, UUID(visit["id"]), begins_in, booked_before)


async def reminders(person: factories.Person) -> int:
    rows = await db.fetch(KINDS, person.id)
    return [row["kind"] for row in rows].count("appointment.reminder")


async def test_reminded_a_day_and_an_hour_before(client: httpx.AsyncClient, cast: Cast, settings: Settings) -> None:
    await db.execute("UPDATE account SET locale = 'es' WHERE id = $1", cast.patient.id)
    visit = await booked(client, cast, chief_complaint="a secret complaint")
    before = len(await mails_to(cast.patient.actor.email))
    for begins_in, told in (
        (timedelta(hours=30), 0),
        (timedelta(hours=23), 1),
        (timedelta(hours=5), 1),
        (timedelta(minutes=50), 2),
        (timedelta(minutes=5), 2),
    ):
        await move(visit, begins_in)
        await asyncio.gather(*(jobs.remind(settings) for _ in range(4)))  # as four workers
        assert await reminders(cast.patient) == told
    mails = (await mails_to(cast.patient.actor.email))[before:]
    assert len(mails) == 2 and all("Inicie sesión" in one and "secret" not in one for one in mails)
    assert cast.doctor.actor.last_name not in "".join(mails) and await reminders(cast.doctor) == 0


async def test_who_needs_no_reminder(client: httpx.AsyncClient, cast: Cast, settings: Settings) -> None:
    """Booked a moment ago, cancelled, there already, or begun: and a worker that was away says the nearer thing only."""
    for number, (status, begins_in, booked_before) in enumerate(
        (
            ("BOOKED", timedelta(hours=23), timedelta(minutes=1)),
            ("CANCELLED", timedelta(hours=23), timedelta(days=2)),
            ("CHECKED_IN", timedelta(minutes=30), timedelta(days=2)),
            ("BOOKED", -timedelta(minutes=1), timedelta(days=2)),
            ("BOOKED", timedelta(minutes=80), timedelta(days=2)),
        )
    ):
        visit = await booked(client, cast, day=number + 2)
        await db.execute("UPDATE appointment SET status = $2 WHERE id = $1", UUID(visit["id"]), status)
        await db.execute("DELETE FROM slot WHERE id = $1", UUID(visit["slot_id"]))
        await move(visit, begins_in + timedelta(seconds=number), booked_before)
        await jobs.remind(settings)
        assert await reminders(cast.patient) == 0, number
        await db.execute("UPDATE appointment SET status = 'CANCELLED' WHERE id = $1", UUID(visit["id"]))


async def test_nobody_came(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    await move(visit, -timedelta(minutes=44))
    await jobs.mark_no_shows(settings)
    assert (await appointment_row(visit["id"]))["status"] == "BOOKED"
    await move(visit, -timedelta(minutes=46))
    with published(monkeypatch) as told:
        await asyncio.gather(*(jobs.mark_no_shows(settings) for _ in range(4)))
    assert {
        (f"appointment:{visit['id']}", "appointment.changed"),
        (f"clinic:{cast.clinic_id}", "appointment.changed"),
    } <= {*told}
    assert "slot.freed" in {event for _topic, event in told}
    history = (await get(client, cast.patient, f"/appointments/{visit['id']}/history")).json()["history"]
    assert [(one["from"], one["to"], one["actor_id"]) for one in history][1:] == [("BOOKED", "NO_SHOW", None)]
    assert [row["actor_id"] for row in await audit_of(visit["id"]) if row["action"] == "appointment.no_show"] == [None]
    assert [name for name, _data in await events_of(visit["id"])].count("appointment.no_show") == 1
    film = "SELECT status FROM video_session WHERE appointment_id = $1"
    assert await db.fetch_value(film, UUID(visit["id"])) == "NO_SHOW"
    assert (await row_of(visit["slot_id"]))["appointment_id"] is None


async def test_who_is_being_served_or_waits_for_a_late_doctor_is_spared(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    first = await booked(client, cast)
    slot_id = await factories.slot(cast.doctor.id, factories.tomorrow_at(11), clinic_id=cast.clinic_id)
    second = (await book(client, cast.other_patient, slot_id)).json()
    begun = (
        "UPDATE appointment SET status = 'IN_PROGRESS', actual_start_time = now() - interval '2 hours' WHERE id = $1"
    )
    await db.execute(begun, UUID(first["id"]))
    await move(first, -timedelta(hours=3))
    await move(second, -timedelta(hours=1))
    await db.execute("UPDATE appointment SET date = current_date WHERE doctor_id = $1", cast.doctor.id)
    status = "SELECT status FROM appointment WHERE id = $1"
    await jobs.mark_no_shows(settings)
    assert await db.fetch_value(status, UUID(first["id"])) == "IN_PROGRESS"
    assert await db.fetch_value(status, UUID(second["id"])) == "BOOKED"
    await db.execute(
        "UPDATE appointment SET status = 'COMPLETED', actual_end_time = now() - interval '31 minutes' WHERE id = $1",
        UUID(first["id"]),
    )
    await jobs.mark_no_shows(settings)
    assert await db.fetch_value(status, UUID(second["id"])) == "NO_SHOW"


async def test_whose_visit_the_schedule_left_behind_is_told_by_mail(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    """In the patient's own language, once; a visit that does not take place is nothing to be reminded of."""
    await db.execute("UPDATE account SET locale = 'es' WHERE id = $1", cast.patient.id)
    day = clock.now().date() + timedelta(days=7)
    session_id = await factories.session(cast.doctor.id, day=day)
    await slots_jobs.actions.make_missing(cast.doctor.id, 20)
    slot_id = await db.fetch_value("SELECT id FROM slot WHERE session_id = $1 AND date = $2 LIMIT 1", session_id, day)
    visit = (await book(client, cast.patient, slot_id, appointment_type="VIRTUAL")).json()
    await mails.find_words()
    before = await mails_to(cast.patient.actor.email)
    shut = {"date": day.isoformat(), "kind": "CANCELLED"}
    assert (await post(client, cast.doctor, f"/sessions/{session_id}/overrides", shut)).status_code == 201
    assert (await appointment_row(visit["id"]))["needs_attention"] == "SCHEDULE_CHANGED"
    assert await mails.find_words() == 1
    told = [one for one in await mails_to(cast.patient.actor.email) if one not in before]
    assert len(told) == 1 and "no puede tener lugar" in told[0] and cast.doctor.actor.last_name not in told[0]
    await move(visit, timedelta(hours=20))
    await jobs.remind(settings)
    assert await reminders(cast.patient) == 0 and len(await mails_to(cast.patient.actor.email)) == len(before) + 1


async def test_video_visits_of_their_own_are_closed(cast: Cast, settings: Settings) -> None:
    make = """
    INSERT INTO video_session (id, booking_type, doctor_id, patient_id, status, scheduled_start_time, scheduled_end_time)
    VALUES (gen_random_uuid(), 'DIRECT_DOCTOR', $1, $2, $3, now() - $4::interval - interval '1 minute', now() - $4::interval)
    RETURNING id
    """
    ends = timedelta(minutes=31), timedelta(minutes=29), timedelta(minutes=33)
    made = [
        await db.fetch_value(make, cast.doctor.id, cast.patient.id, status, end)
        for status, end in zip(("WAITING", "SCHEDULED", "ACTIVE"), ends, strict=True)
    ]
    for _ in range(2):
        await video_jobs.mark_no_shows(settings)
    states = [await db.fetch_value("SELECT status FROM video_session WHERE id = $1", one) for one in made]
    assert states == ["NO_SHOW", "SCHEDULED", "ACTIVE"] and len(await audit_of(made[0])) == 1


async def test_holds_that_ran_out_are_tidied(cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    old, fresh = await factories.slots(cast.doctor.id, 2)
    keep = "UPDATE slot SET held_by = $2, held_until = clock_timestamp() - $3::interval WHERE id = $1"
    await db.execute(keep, old, cast.patient.id, timedelta(minutes=16))
    await db.execute(keep, fresh, cast.patient.id, timedelta(minutes=1))
    with published(monkeypatch) as told:
        await slots_jobs.tidy_holds(settings)
    assert (await row_of(old))["held_by"] is None and (await row_of(fresh))["held_by"] == cast.patient.id
    assert [event for _topic, event in told] == ["slot.released"]


async def test_old_tokens_go(cast: Cast, settings: Settings) -> None:
    make = (
        "INSERT INTO refresh_token (token_hash, login_id, expires_at) VALUES ($1, $2, clock_timestamp() + $3::interval)"
    )
    for name, ends in ((b"over", -timedelta(seconds=1)), (b"good", timedelta(days=1))):
        await db.execute(make, name, cast.patient.actor.login_id, ends)
    await accounts_jobs.forget_logins(settings)
    kept = await db.fetch("SELECT token_hash FROM refresh_token WHERE login_id = $1", cast.patient.actor.login_id)
    assert [row["token_hash"] for row in kept] == [b"good"]


async def test_one_doctor_keeps_nobody_from_their_days(
    settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = clock.now().date() + timedelta(days=1)
    bad, good = sorted([await factories.doctor(), await factories.doctor()], key=lambda one: one.id)
    for one in (bad, good):
        await factories.session(one.id, day=tomorrow)
    make = slots_jobs.actions.make_missing

    async def fails_for_one(doctor_id: UUID, days: int) -> int:
        if doctor_id == bad.id:
            raise ValueError
        return await make(doctor_id, days)

    monkeypatch.setattr(slots_jobs.actions, "make_missing", fails_for_one)
    with pytest.raises(ValueError):
        await slots_jobs.extend_horizons(settings)
    count = "SELECT count(*) FROM slot WHERE doctor_id = $1"
    assert await db.fetch_value(count, bad.id) == 0 < await db.fetch_value(count, good.id)


def test_the_words_of_the_list() -> None:
    assert {"appointment.reminder", "appointment.no_show"} <= TEXTS.keys()
