"""Finding doctors: by words, place, language, service, day and fee; in every order; fast and without leaks."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pytest

from portal import db
from portal.accounts.schemas import Role
from portal.search import queries
from portal.search.schemas import Filters, Sort
from portal.web.places import Point
from tests import factories as make
from tests.counting import counted_statements

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


def at(hour: int, days: int = 1) -> datetime:
    return datetime.combine(date.today() + timedelta(days=days), time(hour), UTC)


async def ids(client: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await client.get("/api/doctors", params={"limit": 100, **params})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["doctors"]]


async def crew(number: int, **more: Any) -> tuple[str, list[make.Person]]:
    """A specialty of its own with some doctors, so that tests do not see each other's."""
    specialty = await make.specialty()
    return str(specialty), [await make.doctor(specialty_id=specialty, **more) for _n in range(number)]


@pytest.mark.parametrize(
    "typed",
    ["nguyễn", "NGUYEN", "nguye\u0302\u0303n", "Thị nguy", "thi nguyen", "nguyễn thi", "  nguyen  "],
)
async def test_names_are_found_in_any_spelling(client: httpx.AsyncClient, typed: str) -> None:
    doctor = await make.doctor(first_name="Thị", last_name="Nguyễn")
    assert str(doctor.id) in await ids(client, q=typed)


@pytest.mark.parametrize(
    ("first", "last", "typed"),
    [
        ("Sean", "O'Brien", "obrien"), ("Sean", "O’Brien", "o'bri"), ("Sean", "O'Brien", "brien"),
        ("Kelvin", "Ångström", "angstrom"), ("Max", "Groß", "gross"), ("Łucja", "Wójcik", "lucja wojcik"),
        ("محمد", "أحمد", "احمد"), ("Дмитрий", "Ёлкин", "ЁЛКИН"), ("Jo", "Müller-Lüdenscheidt", "ludensch"),
        ("Null", "<b>{{7*7}}", "7"), ("\u212aim", "Possible", "kim"),
    ],
)  # fmt: skip
async def test_real_names(client: httpx.AsyncClient, first: str, last: str, typed: str) -> None:
    doctor = await make.doctor(first_name=first, last_name=last)
    assert str(doctor.id) in await ids(client, q=typed)


@pytest.mark.parametrize("typed", ["%", "_", "\\", "a%b", "' OR 1=1", "x & y | !z", "q:*", "(", "<->"])
async def test_signs_mean_nothing(client: httpx.AsyncClient, typed: str) -> None:
    await make.doctor(first_name="Wild", last_name="Card")
    assert await ids(client, q=typed) == []


async def test_the_best_match_comes_first(client: httpx.AsyncClient) -> None:
    specialty = await make.specialty("Marology")
    other = await make.doctor(first_name="Zed", last_name="Zzyzx", specialty_id=specialty)
    inside = await make.doctor(first_name="Anna", last_name="Marokko")
    exact = await make.doctor(first_name="Marokko", last_name="Zeta")
    assert await ids(client, q="maro") == [str(exact.id), str(inside.id), str(other.id)]


async def test_the_next_free_comes_first(client: httpx.AsyncClient) -> None:
    specialty, (late, none, early) = await crew(3)
    await make.slot(late.id, at(15))
    first = await make.slot(early.id, at(9))
    await make.slot(early.id, at(10))
    assert await ids(client, specialty_id=specialty) == [str(early.id), str(late.id), str(none.id)]
    answer = (await client.get("/api/doctors", params={"specialty_id": specialty})).json()["doctors"]
    assert answer[0]["next_free_slot"]["id"] == str(first)
    assert len(answer[0]["next_free_slots"]) == 2
    assert answer[2]["next_free_slot"] is None


@pytest.mark.parametrize(
    "change",
    [
        "held_by = $2, held_until = clock_timestamp() + interval '5 minutes'",
        "disabled = true",
        "overflow = true",
        "starts_at = clock_timestamp() - interval '1 hour'",
    ],
)
async def test_what_is_not_free_is_not_offered(client: httpx.AsyncClient, change: str) -> None:
    specialty, (one, two) = await crew(2)
    gone = await make.slot(one.id, at(8))
    await make.slot(one.id, at(16))
    await make.slot(two.id, at(12))
    patient = await make.patient()
    await db.execute("UPDATE slot SET " + change + " WHERE id = $1 AND $2::uuid IS NOT NULL", gone, patient.id)
    assert await ids(client, specialty_id=specialty) == [str(two.id), str(one.id)]
    answer = (await client.get("/api/doctors", params={"specialty_id": specialty})).json()["doctors"]
    assert str(gone) not in [slot["id"] for slot in answer[1]["next_free_slots"]]


async def test_a_hold_that_ended_is_free_again(client: httpx.AsyncClient) -> None:
    specialty, (one,) = await crew(1)
    slot, patient = await make.slot(one.id), await make.patient()
    await db.execute(
        "UPDATE slot SET held_by = $2, held_until = clock_timestamp() - interval '1 s' WHERE id = $1", slot, patient.id
    )
    answer = (await client.get("/api/doctors", params={"specialty_id": specialty})).json()["doctors"]
    assert answer[0]["next_free_slot"]["id"] == str(slot)


async def test_the_nearest_comes_first_and_the_circle_holds(client: httpx.AsyncClient) -> None:
    specialty, (berlin, potsdam, munich) = await crew(3)
    places = ((berlin, 52.52, 13.40, "Berlin"), (potsdam, 52.39, 13.06, "Potsdam"), (munich, 48.14, 11.58, "München"))
    for doctor, latitude, longitude, city in places:
        clinic = await make.clinic(latitude=latitude, longitude=longitude, city=city)
        await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic, doctor.id)
    everybody = await ids(client, specialty_id=specialty, near="52.40,13.07")
    assert everybody == [str(potsdam.id), str(berlin.id), str(munich.id)]
    assert await ids(client, specialty_id=specialty, near="52.40,13.07", within_km=10) == [str(potsdam.id)]
    found = await queries.doctors(Filters(near=Point(52.40, 13.07), within_km=50, sort=Sort.NEXT_FREE, q="cast"))
    assert {str(one.id) for one in found.doctors} >= {str(potsdam.id), str(berlin.id)}
    assert str(munich.id) not in {str(one.id) for one in found.doctors}
    answer = (await client.get("/api/doctors", params={"specialty_id": specialty, "near": "52.40,13.07"})).json()
    assert answer["doctors"][0]["distance_km"] == pytest.approx(1.3, abs=0.3)
    assert answer["total"] == 3


async def test_filters_and_their_totals(client: httpx.AsyncClient) -> None:
    specialty, (one, two, three) = await crew(3)
    await db.execute("UPDATE doctor SET languages = '{pt-BR,en}', consultation_fee = 30 WHERE account_id = $1", one.id)
    await db.execute("UPDATE doctor SET languages = '{de}', consultation_fee = 10 WHERE account_id = $1", two.id)
    await db.execute("UPDATE doctor SET rating = 4.5 WHERE account_id = $1", three.id)
    await make.slot(one.id, at(9), service_type="VIRTUAL")
    await make.slot(two.id, at(9, days=2), service_type="IN_PERSON")
    assert await ids(client, specialty_id=specialty, language="pt") == [str(one.id)]
    assert await ids(client, specialty_id=specialty, language="pt-BR") == [str(one.id)]
    assert await ids(client, specialty_id=specialty, service_type="IN_PERSON") == [str(two.id)]
    assert await ids(client, specialty_id=specialty, available_on=str(at(9, days=2).date())) == [str(two.id)]
    assert await ids(client, specialty_id=specialty, available_on=str(at(9, days=2).date()), sort="fee") == [
        str(two.id)
    ]
    assert await ids(client, specialty_id=specialty, max_fee="30") == [str(one.id), str(two.id)]
    assert await ids(client, specialty_id=specialty, sort="fee") == [str(two.id), str(one.id), str(three.id)]
    assert (await ids(client, specialty_id=specialty, sort="rating"))[0] == str(three.id)
    answer = (await client.get("/api/doctors", params={"specialty_id": specialty, "skip": 1, "limit": 1})).json()
    assert (answer["total"], answer["skip"], answer["limit"], len(answer["doctors"])) == (3, 1, 1, 1)


async def test_a_day_without_other_filters(client: httpx.AsyncClient) -> None:
    _specialty, (one, two) = await crew(2)
    day = at(9, days=33)
    await make.slot(one.id, day + timedelta(hours=2))
    await make.slot(two.id, day)
    assert await ids(client, available_on=str(day.date())) == [str(two.id), str(one.id)]


@pytest.mark.parametrize("sort", ["distance", "next_free", "fee", "rating"])
async def test_pages_follow_each_other(client: httpx.AsyncClient, sort: str) -> None:
    specialty, doctors = await crew(7)
    clinic = await make.clinic()
    for number, doctor in enumerate(doctors):
        await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic, doctor.id)
        await make.slot(doctor.id, at(8) + timedelta(minutes=20 * (number % 3)))
    seen: list[str] = []
    for skip in (0, 3, 6):
        seen += await ids(client, specialty_id=specialty, near="52,13", sort=sort, skip=skip, limit=3)
    assert sorted(seen) == sorted(str(one.id) for one in doctors)


@pytest.mark.parametrize(
    "params",
    [
        {}, {"language": "en"}, {"max_fee": "500"}, {"q": "walker"}, {"service_type": "IN_PERSON", "language": "en"},
        {"near": "12.3,45.6", "within_km": 5}, {"near": "12.3,45.6", "within_km": 5, "sort": "next_free"},
        {"near": "12.3,45.6", "within_km": 5, "language": "en", "sort": "next_free"},
        {"near": "12.3,45.6", "within_km": 5, "sort": "fee"}, {"q": "walker", "sort": "next_free"},
    ],
)  # fmt: skip
async def test_walking_finds_what_reading_finds(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    """Once the total of a search is known to be large, its doctors are looked for in another way."""
    for name in ("MANY", "MANY_OF_SPECIALTY", "REMEMBERED_FROM"):
        monkeypatch.setattr(queries, name, 0)
    specialty, doctors = await crew(5, last_name="Walker")
    clinic = await make.clinic(latitude=12.3, longitude=45.6)
    await db.execute("UPDATE doctor SET languages = '{en}' WHERE specialty_id = $1", specialty)
    for number, doctor in enumerate(doctors):
        await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic, doctor.id)
        await make.slot(doctor.id, at(9) + timedelta(minutes=20 * (number % 3)))
    for limit in (10, 4):
        read, walked = [await ids(client, specialty_id=specialty, limit=limit, **params) for _turn in range(2)]
        assert read == walked
        assert len(read) == min(limit, 5)


async def test_places_follow_the_doctors(client: httpx.AsyncClient) -> None:
    _specialty, (one,) = await crew(1)
    other, clinic = await make.specialty(), await make.clinic(latitude=-33.3, longitude=-44.4)
    near = {"near": "-33.3,-44.4", "within_km": 5}
    assert await ids(client, **near) == []
    await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic, one.id)
    assert await ids(client, **near) == [str(one.id)]
    await db.execute("UPDATE doctor SET specialty_id = $2 WHERE account_id = $1", one.id, other)
    assert await ids(client, specialty_id=str(other), **near) == [str(one.id)]
    await db.execute("UPDATE account SET status = 'SUSPENDED' WHERE id = $1", one.id)
    assert await ids(client, **near) == []
    await db.execute("UPDATE account SET status = 'ACTIVE' WHERE id = $1", one.id)
    assert await ids(client, **near) == [str(one.id)]
    await db.execute("DELETE FROM clinic_doctor WHERE doctor_id = $1", one.id)
    assert await ids(client, **near) == []


@pytest.mark.parametrize("status", ["PENDING_VERIFICATION", "SUSPENDED"])
async def test_who_is_not_verified_is_not_found(client: httpx.AsyncClient, status: str) -> None:
    specialty, (one,) = await crew(1)
    assert await ids(client, specialty_id=specialty) == [str(one.id)]
    await db.execute("UPDATE account SET status = $2 WHERE id = $1", one.id, status)
    assert await ids(client, specialty_id=specialty) == []
    assert (await client.get(f"/api/doctors/{one.id}")).status_code == 404


async def test_nothing_private_is_told(client: httpx.AsyncClient) -> None:
    specialty = await make.specialty()
    doctor = await make.doctor(specialty_id=specialty, email="canary-doctor@test.example")
    await db.execute("UPDATE account SET phone_number = '+4930999888' WHERE id = $1", doctor.id)
    await db.execute("UPDATE doctor SET licence_number = 'CANARY-LICENCE' WHERE account_id = $1", doctor.id)
    texts = [
        (await client.get("/api/doctors", params={"specialty_id": str(specialty)})).text,
        (await client.get(f"/api/doctors/{doctor.id}")).text,
        (await client.get("/doctors", params={"specialty_id": str(specialty)})).text,
    ]
    for text in texts:
        assert not any(canary in text for canary in ("canary-doctor", "4930999888", "CANARY-LICENCE"))


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "id;drop"}, {"limit": "1e3"}, {"limit": "101"}, {"skip": "-1"}, {"near": "91,0"}, {"near": "1"},
        {"near": "nan,1"}, {"within_km": "0"}, {"language": "??"}, {"service_type": "BOTH?"}, {"max_fee": "-1"},
        {"available_on": "2026-02-30"}, {"specialty_id": "x"}, {"q": "a\u0000b"}, {"unknown": "1"},
    ],
)  # fmt: skip
async def test_bad_parameters(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await client.get("/api/doctors", params=params)).status_code == 422


async def test_a_page_takes_three_statements(client: httpx.AsyncClient) -> None:
    specialty, (one,) = await crew(1)
    clinic = await make.clinic(city="Zwickau")
    await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic, one.id)
    patient = await make.person(Role.PATIENT)
    client.cookies.update(patient.cookies)
    params = {"specialty_id": specialty, "place": "zwickau", "language": "", "q": ""}
    await client.get("/doctors")  # what a fresh connection asks of itself is not counted
    with counted_statements() as sent:
        answer = await client.get("/doctors", params=params)
    assert answer.status_code == 200
    assert len(sent) <= 3, sent


async def test_a_typed_place_is_where_the_clinics_are() -> None:
    await make.clinic(city="Überlingen", latitude=47.77, longitude=9.17)
    await db.execute("UPDATE clinic SET postal_code = '88662' WHERE city = 'Überlingen'")
    for typed in ("überlingen", "UBERLINGEN", "uberl", "88662"):
        place = (await queries.surroundings(typed)).place
        assert place is not None
        assert place.name == "Überlingen"
        assert place.point.latitude == pytest.approx(47.77)
    for typed in ("nowhere", "%", "88_62"):
        assert (await queries.surroundings(typed)).place is None


async def test_the_hints_follow_the_slots(client: httpx.AsyncClient) -> None:
    from portal.search.actions import raise_next_free

    _specialty, (booked, emptied) = await crew(2)
    first, second, only = (
        await make.slot(booked.id, at(9)),
        await make.slot(booked.id, at(11)),
        await make.slot(emptied.id),
    )
    hints = "SELECT doctor_id, not_before FROM doctor_next_free WHERE doctor_id = ANY ($1::uuid[])"
    both = [booked.id, emptied.id]
    await db.execute("UPDATE slot SET disabled = true WHERE id = ANY ($1::uuid[])", [first, only])
    assert dict(await db.fetch(hints, both)) == {booked.id: at(9), emptied.id: at(9)}
    assert await raise_next_free() >= 1
    assert dict(await db.fetch(hints, both)) == {booked.id: at(11)}
    await db.execute("UPDATE slot SET disabled = false WHERE id = $1", first)
    assert dict(await db.fetch(hints, both)) == {booked.id: at(9)}
    assert second
