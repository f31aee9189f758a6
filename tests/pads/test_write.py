"""The pad by plain forms: lines, medicines found and picked, templates, as last time, a look over it, the signature."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from portal import db
from portal.errors import Conflict
from portal.pads.actions import MOST, save_template
from portal.pads.schemas import NewTemplate
from tests import factories
from tests.appointments.test_pages import see, send
from tests.prescriptions.conftest import (
    Stage,
    allergic,
    app,
    cast,
    client,
    issued,
    item,
    medicine,
    pharmacy,
    post,
    row_of,
    stage,
    visit,
)
from tests.prescriptions.test_patients_side import in_stock

pytestmark = pytest.mark.anyio

__all__ = ["app", "cast", "client", "stage"]


def line(n: int = 0, **more: Any) -> dict[str, str]:
    return {f"items.{n}.{name}": str(value) for name, value in item(**more).items()}


def path(stage: Stage) -> str:
    return f"/appointments/{stage.visit}/prescriptions/new"


async def step(client: httpx.AsyncClient, stage: Stage, step: str, **form: Any) -> httpx.Response:
    return await send(client, stage.doctor, path(stage), step=step, **form)


async def prescribed(stage: Stage) -> int:
    return int(await db.fetch_value("SELECT count(*) FROM prescription WHERE appointment_id = $1", stage.visit))


async def test_write_look_and_sign(client: httpx.AsyncClient, stage: Stage) -> None:
    await allergic(stage.patient.id, "Ibuprofen")
    page = (await see(client, stage.doctor, path(stage))).text
    assert "Ibuprofen" in page and "items.0.dose" in page
    typed = {**line(drug_name="Nurofen", active_ingredient="ibuprofen", quantity=""), "notes": "Rest."}
    shown = await step(client, stage, "preview", **typed)
    assert shown.status_code == 200 and "1 warning" in shown.text and "21 tablets" in shown.text
    assert await prescribed(stage) == 0
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown.text)
    hidden = {name: value for name, value in fields if name not in ("csrf_token", "next")}
    refused = await step(client, stage, "issue", **hidden, notes="Rest.")
    assert refused.status_code == 409 and await prescribed(stage) == 0
    back = await step(client, stage, "compute", **hidden, notes="Rest.")
    assert 'value="Nurofen"' in back.text and "Rest." in back.text
    reason = {"acknowledged_warnings.0.reason": "Small dose, watched"}
    done = await step(client, stage, "issue", **{**hidden, **reason}, notes="Rest.")
    assert done.status_code == 303, done.text
    row = await row_of(done.headers["location"].rpartition("/")[2])
    assert (row["notes"], row["warnings"][0]["reason"]) == ("Rest.", "Small dose, watched")


async def test_errors_keep_what_was_typed(client: httpx.AsyncClient, stage: Stage) -> None:
    bad = await step(client, stage, "preview", **line(dose="5.0", drug_name="<i>X</i>"))
    assert bad.status_code == 422 and "write 5, not 5.0" in bad.text and 'value="5.0"' in bad.text
    assert "&lt;i&gt;X" in bad.text and 'href="#f-items.0.dose"' in bad.text
    none = await step(client, stage, "preview", **line(drug_name=""))
    assert none.status_code == 422
    assert (await step(client, stage, "issue", **line(), **{"items.0.colour": "red"})).status_code == 422
    assert await prescribed(stage) == 0


async def test_lines_come_and_go(client: httpx.AsyncClient, stage: Stage) -> None:
    two = (await step(client, stage, "add", **line())).text
    assert 'name="items.1.dose"' in two and 'value="Paracetamol"' in two
    one = (await step(client, stage, "remove.0", **line(), **line(1, drug_name="Ramipril"))).text
    assert 'value="Ramipril"' in one and "Paracetamol" not in one.partition("pad-side")[0]
    for strange in ("remove.7", "pick.0.x", "pick.9." + str(stage.medicine), "template.x", "", "nothing.1.2"):
        assert (await step(client, stage, strange, **line())).status_code == 200
    full: dict[str, str] = {}
    for number in range(10):
        full |= line(number)
    assert 'name="items.10.dose"' not in (await step(client, stage, "add", **full)).text
    assert (await step(client, stage, "add", **full, **line(10))).status_code == 422


async def test_find_and_pick(client: httpx.AsyncClient, stage: Stage) -> None:
    other = await medicine("Clamoxyl", "amoxicillin")
    found = (await step(client, stage, "find.0", **line(drug_name="amox"))).text
    assert f"pick.0.{stage.medicine}" in found and f"pick.0.{other}" in found
    typed = (await see(client, stage.doctor, "/pad/medicines?q=amoxi&line=3")).text
    assert f"pick.3.{stage.medicine}" in typed and len(typed) < 8_000
    assert "pick." not in (await see(client, stage.doctor, "/pad/medicines?q=%25_")).text
    await in_stock(stage, 40)
    picked = (await step(client, stage, f"pick.0.{stage.medicine}", **line(drug_name="amox", quantity=""))).text
    assert f'value="{stage.medicine}"' in picked and "1 pharmacy nearby has it" in picked and "make 21" in picked
    missing = (await step(client, stage, f"pick.0.{other}", **line(drug_name="amox"))).text
    assert "No pharmacy nearby" in missing and f"pick.0.{stage.medicine}" in missing  # the substitute
    freed = (await step(client, stage, "free.0", **{"items.0.catalog_item_id": str(other), **line()})).text
    assert str(other) not in freed


async def test_pharmacies_near_the_patient(client: httpx.AsyncClient, stage: Stage) -> None:
    """From the last pharmacy, else the preferred clinic, else the clinic; nothing is nearby where nobody knows a place."""
    await in_stock(stage, 40)
    await db.execute("UPDATE pharmacy SET name = '1', latitude = 38.7, longitude = -9.1 WHERE id = $1", stage.pharmacy)
    await db.execute("UPDATE clinic SET latitude = 38.7, longitude = -9.2 WHERE id = $1", stage.cast.clinic_id)
    pick, form = f"pick.0.{stage.medicine}", line(drug_name="amox")
    assert "1 pharmacy nearby has it" in (await step(client, stage, pick, **form)).text
    far, preferred = (
        await pharmacy(latitude=-33.86, longitude=151.2),
        await factories.clinic(latitude=48.1, longitude=11.5),
    )
    await db.execute(
        "UPDATE patient SET preferred_clinic_ids = $2 WHERE account_id = $1", stage.patient.id, [uuid4(), preferred]
    )
    assert "pharmacy nearby" not in (await step(client, stage, pick, **form)).text  # there is none to ask in Munich
    # sent to Sydney what another doctor signed
    elsewhere = await visit(stage.patient.id, stage.cast.other_doctor.id, None)
    order = {"appointment_id": str(elsewhere), "items": [item(drug_name="Cetirizine")]}
    other = (await post(client, stage.cast.other_doctor, "/prescriptions", order)).json()["id"]
    await post(client, stage.patient, f"/prescriptions/{other}/send", {"pharmacy_id": str(far)})
    assert "No pharmacy nearby has it" in (await step(client, stage, pick, **form)).text
    await db.execute("UPDATE pharmacy SET latitude = NULL, longitude = NULL WHERE id = $1", far)
    await db.execute(
        "UPDATE clinic SET latitude = NULL, longitude = NULL WHERE id IN ($1, $2)", preferred, stage.cast.clinic_id
    )
    nowhere = (await step(client, stage, pick, **form)).text
    assert "1 pharmacy has it" in nowhere and "nearby" not in nowhere


async def test_templates_and_as_last_time(client: httpx.AsyncClient, stage: Stage) -> None:
    unnamed = await step(client, stage, "save", **line())
    assert unnamed.status_code == 422 and "f-template_name" in unnamed.text
    saved = await step(client, stage, "save", **line(drug_name="Ramipril"), template_name="Blood pressure")
    assert saved.status_code == 200 and "Kept as" in saved.text
    (row,) = await db.fetch("SELECT id, items FROM prescription_template WHERE doctor_id = $1", stage.doctor.id)
    assert row["items"][0]["drug_name"] == "Ramipril"
    used = (await step(client, stage, f"template.{row['id']}", **line(drug_name=""))).text
    assert 'value="Ramipril"' in used
    api = await client.get("/api/prescription-templates", headers=stage.doctor.bearer)
    assert [one["name"] for one in api.json()["templates"]] == ["Blood pressure"]
    other = stage.cast.other_doctor
    assert (await client.get("/api/prescription-templates", headers=other.bearer)).json()["templates"] == []
    gone = f"/pad/templates/{row['id']}/forget"
    assert (await send(client, other, gone)).status_code == 404
    assert "Blood pressure" in (await see(client, stage.doctor, "/pad/templates")).text
    assert (await send(client, stage.doctor, gone)).status_code == 303
    await issued(client, stage, item(drug_name="Metformin"))
    last = (await step(client, stage, "last", **line(drug_name=""))).text
    assert 'value="Metformin"' in last


async def test_each_doctor_has_room_for_so_many_templates(stage: Stage) -> None:
    """Asked as the portal, so that no policy hides the others': each doctor's are counted for themselves."""
    await db.execute(
        "INSERT INTO prescription_template (id, doctor_id, name, items)"
        " SELECT gen_random_uuid(), $1, 'T' || n, '[]' FROM generate_series(1, $2::int) AS n",
        stage.doctor.id, MOST,
    )  # fmt: skip
    new = msgspec.convert({"name": "One more", "items": [item()]}, NewTemplate)
    with pytest.raises(Conflict) as refused:
        await save_template(stage.doctor.actor, new)
    assert refused.value.code == "too_many"
    renamed = msgspec.structs.replace(new, name="t7")
    assert (await save_template(stage.doctor.actor, renamed)).name == "t7"  # takes the place of T7
    assert (await save_template(stage.cast.other_doctor.actor, new)).name == "One more"


@pytest.mark.parametrize("guarded", [True, False], ids=["the portal", "the naive twin"])
async def test_templates_saved_in_one_moment_are_counted_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Room for one more, and eight that want it: without the lock each of them counts before the others are there."""
    monkeypatch.setattr("portal.pads.actions.MOST", 1)
    if not guarded:
        monkeypatch.setattr("portal.pads.actions.ONE_AT_A_TIME", "SELECT $1::uuid")

    async def saved(number: int) -> bool:
        try:
            new = msgspec.convert({"name": f"T{number}", "items": [item()]}, NewTemplate)
            await save_template(stage.doctor.actor, new)
        except Conflict:
            return False
        return True

    outcomes = await asyncio.gather(*(saved(number) for number in range(8)))
    assert sum(outcomes) == 1 if guarded else sum(outcomes) > 1
    kept = await db.fetch_value("SELECT count(*) FROM prescription_template WHERE doctor_id = $1", stage.doctor.id)
    assert kept == sum(outcomes)


async def test_a_medicine_is_counted_as_the_catalogue_says(client: httpx.AsyncClient, stage: Stage) -> None:
    """Its unit alone is offered; what an older one counted otherwise comes back in it, without its amount."""
    bottled = await medicine("Amoxil syrup", "amoxicillin", unit_type="BOTTLES")
    chosen = {"items.0.catalog_item_id": str(bottled)}
    picked = (await step(client, stage, f"pick.0.{bottled}", **line(drug_name="amox"))).text
    assert units_of(picked) == ["BOTTLES"]
    typed = (await step(client, stage, "compute", **line(unit="MILLILITRES", quantity=10), **chosen)).text
    assert units_of(typed) == ["BOTTLES", "MILLILITRES"]  # nothing that was typed changes unseen
    wrong = await step(client, stage, "preview", **line(unit="MILLILITRES", quantity=10), **chosen)
    assert wrong.status_code == 422 and 'href="#f-items.0.unit"' in wrong.text and "bottles" in wrong.text
    saved = line(unit="MILLILITRES", quantity=10) | chosen
    assert (await step(client, stage, "save", **saved, template_name="Syrup")).status_code == 200
    template = await db.fetch_value("SELECT id FROM prescription_template WHERE doctor_id = $1", stage.doctor.id)
    used = (await step(client, stage, f"template.{template}", **line(drug_name=""))).text
    assert units_of(used) == ["BOTTLES"] and re.search(r'name="items.0.quantity"[^>]* value=""', used)
    assert len(units_of((await step(client, stage, "compute", **line())).text)) > 10


def units_of(page: str) -> list[str]:
    """What a quantity of the first line can be counted in, the chosen first."""
    options = page.partition('name="items.0.unit"')[2].partition("</select>")[0]
    return sorted(re.findall(r'<option value="([A-Z]+)"', options))


async def test_whose_pad(client: httpx.AsyncClient, stage: Stage) -> None:
    for who, status in ((stage.patient, 403), (stage.cast.other_doctor, 404), (stage.cast.admin, 403)):
        assert (await see(client, who, path(stage))).status_code == status
        assert (await send(client, who, path(stage), step="issue", **line())).status_code == status
    old = await issued(client, stage)
    amend = (await see(client, stage.doctor, f"{path(stage)}?replaces={old['id']}")).text
    assert f'value="{old["id"]}"' in amend and 'value="Paracetamol"' in amend
    other = await visit(stage.cast.other_patient.id, stage.doctor.id, None)
    foreign = f"/appointments/{other}/prescriptions/new?replaces={old['id']}"
    assert (await see(client, stage.doctor, foreign)).status_code == 404
    early = await visit(stage.cast.other_patient.id, stage.doctor.id, None, "BOOKED")
    assert (
        "once the visit has begun" in (await see(client, stage.doctor, f"/appointments/{early}/prescriptions/new")).text
    )
    refused = await send(client, stage.doctor, f"/appointments/{early}/prescriptions/new", step="issue", **line())
    assert refused.status_code == 409
