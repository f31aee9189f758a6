"""The screens of a waiting room: numbers for whoever has the link, as long as it is good, and nothing else for anybody."""

import asyncio

import pytest

from portal import db, live
from portal.walls import events
from tests.appointments.conftest import app, cast, client, get, post
from tests.appointments.test_pages import see, send
from tests.counting import counted_statements
from tests.queues.conftest import Morning, begun, morning

__all__ = ["app", "begun", "cast", "client", "morning"]
pytestmark = pytest.mark.anyio


async def made(morning: Morning) -> tuple[str, str]:
    """The id and the token of a new link."""
    answer = await post(
        morning.client, morning.cast.admin, f"/clinics/{morning.cast.clinic_id}/walls", {"name": "Hall"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["url"].rpartition("/")[2]


async def test_a_screen_shows_numbers_and_no_names(morning: Morning) -> None:
    for number, status in ((1, "IN_PROGRESS"), (2, "CHECKED_IN"), (3, "CHECKED_IN"), (4, "BOOKED")):
        await morning.book(number, status, name=f"Secret{number}")
    wall_id, token = await made(morning)
    with counted_statements() as said:
        page = (await morning.client.get(f"/wall/{token}")).text
    assert len(said) == 1, said
    strangers = [*morning.visits.values(), *(person.id for person in morning.people.values())]
    assert "Secret" not in page and not any(str(one) in page for one in strangers)
    wall = (await morning.client.get(f"/api/wall/{token}")).json()
    queue = wall["queues"][0]
    assert (queue["now_serving"], queue["next"], queue["called_at"]) == (1, [2, 3], None)
    assert set(queue) == {"session_id", "doctor_name", "starts_at", "now_serving", "called_at", "next", "delay_minutes"}
    await morning.act(morning.cast.doctor, 1, "complete")
    assert await morning.call() == 2
    queue = (await morning.client.get(f"/api/wall/{token}")).json()["queues"][0]
    assert (queue["now_serving"], queue["next"]) == (2, [3]) and queue["called_at"]
    await morning.queue(morning.cast.doctor, "delay", delay_minutes=25)
    assert "25 minutes late" in (await morning.client.get(f"/wall/{token}")).text
    stored = await db.fetch_row("SELECT token_hash, last_seen_at FROM wall_link WHERE id = $1", wall_id)
    assert token.encode() not in stored["token_hash"] and stored["last_seen_at"]


async def test_a_link_is_made_shown_once_and_revoked(morning: Morning) -> None:
    client, admin, clinic_id = morning.client, morning.cast.admin, morning.cast.clinic_id
    assert (await send(client, admin, "/clinic/walls", clinic_id=str(clinic_id), name=" ")).status_code == 422
    page = (await send(client, admin, "/clinic/walls", clinic_id=str(clinic_id), name="<b>Hall")).text
    token = page.partition("/wall/")[2].partition("<")[0]
    listed = (await see(client, admin, "/clinic/walls")).text
    assert "&lt;b&gt;Hall" in listed and token not in listed
    wall = (await get(client, admin, f"/clinics/{clinic_id}/walls")).json()["walls"][0]
    topic = events.wall_topic(clinic_id)
    assert await events.may_listen(None, topic)
    assert not await events.may_listen(None, topic[:-2] + ("00" if topic[-2:] != "00" else "11"))
    for stranger, status in ((morning.cast.other_admin, 404), (morning.cast.doctor, 403), (morning.cast.patient, 403)):
        assert (await get(client, stranger, f"/clinics/{clinic_id}/walls")).status_code == status
        assert (await post(client, stranger, f"/clinics/{clinic_id}/walls", {"name": "Mine"})).status_code == status
        assert (await client.delete(f"/api/walls/{wall['id']}", headers=stranger.bearer)).status_code == status
    assert (await client.get(f"/wall/{token}")).status_code == 200
    assert (await send(client, admin, f"/clinic/walls/{wall['id']}/revoke")).status_code == 303
    for path in (f"/wall/{token}", f"/api/wall/{token}", "/wall/never-was"):
        assert (await client.get(path)).status_code == 404
    assert not await events.may_listen(None, topic)
    assert (await client.delete(f"/api/walls/{wall['id']}", headers=admin.bearer)).status_code == 404
    rows = await db.fetch(
        "SELECT action FROM audit_event WHERE subject_id = $1 AND outcome = 'OK' ORDER BY at", wall["id"]
    )
    assert [row["action"] for row in rows] == ["wall.made", "wall.revoked"]


async def test_every_step_of_a_queue_reaches_the_screens(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str, dict[str, object]]] = []
    publish = live.publish

    def listening(to: str, event: str, **ids: object) -> None:
        told.append((to, event, ids))
        publish(to, event, **ids)

    monkeypatch.setattr(live, "publish", listening)
    topic = events.wall_topic(morning.cast.clinic_id)
    await morning.book(1)

    async def heard() -> bool:
        found = [(event, ids) for one, event, ids in told if one == topic]
        told.clear()
        return bool(found) and set(map(str, found)) == {
            "('wall.changed', {})"
        }  # that something changed, and nothing else

    await morning.act(morning.people[1], 1, "check-in")
    assert await heard()
    await morning.call()
    assert await heard()
    await morning.act(morning.cast.doctor, 1, "missed-call")
    assert await heard()
    await morning.queue(morning.cast.doctor, "delay", delay_minutes=10)
    assert await heard()


async def test_a_clinic_has_only_so_many(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.walls.actions.MOST", 1)
    await made(morning)
    again = await post(morning.client, morning.cast.admin, f"/clinics/{morning.cast.clinic_id}/walls", {"name": "Two"})
    assert (again.status_code, again.json()["code"]) == (409, "too_many_walls")


@pytest.mark.parametrize("guarded", [True, False], ids=["the portal", "the naive twin"])
async def test_links_made_in_one_moment_are_counted_too(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Room for one more, and eight that want it: without the lock each of them counts before the others are there."""
    monkeypatch.setattr("portal.walls.actions.MOST", 1)
    if not guarded:
        monkeypatch.setattr("portal.walls.actions.ONE_AT_A_TIME", "SELECT $1::uuid")
    address, wanted = f"/clinics/{morning.cast.clinic_id}/walls", {"name": "Hall"}
    answers = await asyncio.gather(*(post(morning.client, morning.cast.admin, address, wanted) for _number in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) == 1 if guarded else statuses.count(201) > 1
    open_links = "SELECT count(*) FROM wall_link WHERE clinic_id = $1 AND revoked_at IS NULL"
    assert await db.fetch_value(open_links, morning.cast.clinic_id) == statuses.count(201)
