"""E4, C4, E6: what was signed stays as it was signed, by whoever tries; nobody signs for another; nothing is missing."""

import copy
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest

from portal import acting, db
from portal.prescriptions import keys, queries
from tests.catalogue import figure
from tests.owner import as_owner
from tests.prescriptions.conftest import Stage, dispense, issued, item, order, post, row_of

pytestmark = pytest.mark.anyio

COLUMNS = """
SELECT column_name, data_type, table_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = ANY ($1) ORDER BY table_name, ordinal_position
"""
MAY_MOVE = {"status", "pharmacy_id", "sent_at", "dispensed"}
OTHER = {"uuid": "gen_random_uuid()", "bytea": "'\\x00'::bytea", "jsonb": "'[1]'::jsonb", "numeric": "7.5",
         "smallint": "2", "date": "'1999-01-01'", "timestamp with time zone": "clock_timestamp()"}  # fmt: skip


async def changes() -> list[tuple[str, str]]:
    """A statement for every column of what was signed that gives it another value."""
    rows = await db.fetch(COLUMNS, ["prescription", "prescription_item"])
    return [
        (f"{r['table_name']}.{r['column_name']}", "UPDATE " + r["table_name"] + " SET " + r["column_name"] + " = "
         + OTHER.get(r["data_type"], "'OTHER'") + " WHERE "
         + ("id" if r["table_name"] == "prescription" else "prescription_id") + " = $1")
        for r in rows
    ]  # fmt: skip


def people(stage: Stage) -> list[acting.Acting]:
    mine = [stage.patient, stage.doctor, stage.pharmacist, stage.cast.admin, stage.cast.other_doctor]
    return [acting.PORTAL, *(acting.person(one.actor) for one in mine)]


@pytest.mark.E4
async def test_raw_statements_of_the_application(client: httpx.AsyncClient, stage: Stage) -> None:
    """As every role, with the application's own rights: refused by grants or the trigger, or it sees no row."""
    one = await issued(client, stage, item(refills_allowed=1))
    await post(client, stage.patient, f"/prescriptions/{one['id']}/send", {"pharmacy_id": str(stage.pharmacy)})
    before, tried = await everything(one["id"]), 0
    for name, sql in await changes():
        if name.rpartition(".")[2] in MAY_MOVE:
            continue
        for who in people(stage):
            with acting.acting(who):
                await refused(sql, one["id"])
            tried += 1
    for table in ("prescription_item", "prescription_history", "prescription"):
        key = "id" if table == "prescription" else "prescription_id"
        for who in people(stage):
            with acting.acting(who):
                await refused("DELETE FROM " + table + " WHERE " + key + " = $1", one["id"])
            tried += 1
    assert await everything(one["id"]) == before
    figure("E4", f"{tried} statements as 6 roles: 0 changes")


async def refused(sql: str, *args: Any) -> None:
    try:
        touched = await db.execute(sql, *args)
    except asyncpg.PostgresError:
        return
    assert touched == 0, sql


async def everything(prescription_id: str) -> Any:
    items = await db.fetch(
        "SELECT * FROM prescription_item WHERE prescription_id = $1 ORDER BY position", prescription_id
    )
    return dict(await row_of(prescription_id)), [dict(one) for one in items]


@pytest.mark.E4
async def test_the_owner_of_the_tables_meets_the_trigger(client: httpx.AsyncClient, stage: Stage) -> None:
    one = await issued(client, stage)
    before = await everything(one["id"])
    for name, sql in await changes():
        if name.rpartition(".")[2] in MAY_MOVE:
            continue
        with pytest.raises(asyncpg.PostgresError):
            await as_owner(sql.replace("$1", f"'{one['id']}'"))
    assert await everything(one["id"]) == before
    with pytest.raises(asyncpg.InsufficientPrivilegeError):  # an item more than was signed
        await as_owner(
            "INSERT INTO prescription_item SELECT (json_populate_record(i, json_build_object('id', gen_random_uuid(),"
            f" 'position', 2))).* FROM prescription_item i WHERE prescription_id = '{one['id']}'"
        )
    assert await everything(one["id"]) == before


@pytest.mark.E4
async def test_status_moves_by_its_role_alone(client: httpx.AsyncClient, stage: Stage) -> None:
    one = await issued(client, stage)
    await post(client, stage.patient, f"/prescriptions/{one['id']}/send", {"pharmacy_id": str(stage.pharmacy)})
    sql = "UPDATE prescription SET status = $2 WHERE id = $1"
    tries = (
        (stage.patient, "FILLED"),
        (stage.patient, "CANCELLED"),
        (stage.doctor, "FILLED"),
        (stage.pharmacist, "CANCELLED"),
    )
    for who, status in (*tries, (stage.pharmacist, "EXPIRED")):
        with acting.acting(acting.person(who.actor)):
            await refused(sql, one["id"], status)
    with acting.acting(acting.person(stage.other_pharmacist.actor)):
        await refused(sql, one["id"], "FILLED")
        await refused("UPDATE prescription_item SET dispensed = 21 WHERE prescription_id = $1", one["id"])
    assert (await row_of(one["id"]))["status"] == "ACTIVE"
    with pytest.raises(asyncpg.CheckViolationError):  # never beyond
        await dispense(one["id"], 22, "FILLED")


@pytest.mark.E4
async def test_a_changed_content_shows(client: httpx.AsyncClient, stage: Stage) -> None:
    """Should somebody with the owner's rights change what was signed, its signature tells."""
    one = await issued(client, stage)
    row = await row_of(one["id"])
    names = ("content", "content_hash", "signature", "key_id")
    times = (row["code"], row["issued_at"], row["valid_until"])
    signed = keys.Signed(**{name: row[name] for name in names})
    public = (await queries.known_keys())[row["key_id"]]
    assert keys.holds(signed, *times, public)
    told = signed.content.replace('"quantity":"21"', '"quantity":"210"')
    assert told != signed.content
    assert not keys.holds(msgspec.structs.replace(signed, content=told), *times, public)
    assert keys.canonical(msgspec.json.decode(signed.content)) == signed.content


FORGED = (
    "signature",
    "signed_at",
    "key_id",
    "doctor_id",
    "patient_id",
    "status",
    "content_hash",
    "code",
    "issued_at",
    "id",
)


@pytest.mark.C4
async def test_nobody_signs_for_another(client: httpx.AsyncClient, stage: Stage) -> None:
    """A body that names a signer or a signature is refused; so is everybody but the visit's own doctor."""
    for name in FORGED:
        answer = await post(
            client, stage.doctor, "/prescriptions", {**order(stage), name: str(stage.cast.other_doctor.id)}
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)
    one = await issued(client, stage)
    before = await everything(one["id"])
    for who in (stage.patient, stage.cast.admin, stage.cast.other_doctor, stage.pharmacist):
        replaced = {**order(stage), "replaces_id": one["id"]}
        assert (await post(client, who, "/prescriptions", replaced)).status_code in (403, 404)
        path = f"/api/prescriptions/{one['id']}"
        changed = await client.put(path, json={"status": "CANCELLED", "signature": "x"}, headers=who.bearer)
        assert changed.status_code in (403, 404, 422)
        assert (await client.delete(path, headers=who.bearer)).status_code in (403, 404)
    assert await everything(one["id"]) == before
    figure("C4", f"{len(FORGED)} forged fields and 4 strangers: 0 accepted")


NEEDED = ("drug_name", "strength", "form", "dose", "dose_unit", "frequency", "duration_days", "quantity", "unit")


@pytest.mark.E6
async def test_each_element_is_needed(client: httpx.AsyncClient, stage: Stage) -> None:
    """Left out, empty or null: it cannot be signed."""
    tried = 0
    for name in NEEDED:
        for value in (None, "", "  "):
            wanted: dict[str, Any] = copy.deepcopy(order(stage))
            if value is None:
                del wanted["items"][0][name]
            else:
                wanted["items"][0][name] = value
            answer = await post(client, stage.doctor, "/prescriptions", wanted)
            assert answer.status_code == 422, (name, value, answer.text)
            assert answer.json()["errors"][0]["field"] == f"items.0.{name}"
            tried += 1
    for wanted in (
        {**order(stage), "items": []},
        {"items": [item()]},
        {**order(stage), "appointment_id": str(uuid4())},
    ):
        assert (await post(client, stage.doctor, "/prescriptions", wanted)).status_code in (404, 422)
        tried += 1
    for column in ("patient_name", "doctor_name", "issued_at", "content", "signature"):
        sql = (
            "SELECT is_nullable FROM information_schema.columns WHERE table_name = 'prescription' AND column_name = $1"
        )
        assert await db.fetch_value(sql, column) == "NO"
    assert await db.fetch_value("SELECT count(*) FROM prescription WHERE appointment_id = $1", stage.visit) == 0
    figure("E6", f"{tried} incomplete orders: 0 signed")
