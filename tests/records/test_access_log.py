"""Who opened a record, what they did and why they might: in words, in the patient's language, never as a code."""

import ast
import re
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from portal.accounts.schemas import Role
from portal.appointments.transitions import MOVES
from portal.audit.schemas import Grounds
from portal.records.queries import access_log
from portal.records.words import ACTS, GROUNDS, act
from portal.web.i18n import speaking
from tests import factories as make
from tests.clients import a_client
from tests.records.test_change_record import visit

pytestmark = pytest.mark.anyio
CELLS = re.compile(r'<td data-label="(?:What|Why|Qué|Por qué)">(.*?)</td>', re.DOTALL)
INTO_AUDIT = re.compile(r"INTO audit_event \([^)]*patient_id[^)]*\)\s+(?:SELECT|VALUES)(.{0,160})", re.DOTALL)
NAME = re.compile(r"'([a-z_]+\.[a-z_]+)'")


async def test_each_reader_has_their_grounds(app: Litestar, client: httpx.AsyncClient) -> None:
    clinic = await make.clinic()
    ada, doctor = await make.patient(), await make.doctor()
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(clinic,))
    system = await make.person(Role.SYSTEM_ADMIN)
    await visit(ada, doctor, clinic)
    for who in (doctor, admin, ada):
        assert (await client.get(f"/api/patients/{ada.id}", headers=who.bearer)).status_code == 200
    assert (await client.get(f"/api/profiles/{ada.id}", headers=system.bearer)).status_code == 200
    log = (await client.get("/api/me/access-log", headers=ada.bearer)).json()["accesses"]
    assert {one["actor_id"]: one["reason"] for one in log} == {
        str(doctor.id): Grounds.DOCTOR, str(admin.id): Grounds.CLINIC, str(system.id): Grounds.OPERATOR, str(ada.id): None,
    }  # fmt: skip
    # Asked as the portal, so that no policy hides the others': the total is of one's own data, beyond the end too.
    assert (await access_log(ada.actor, skip=100)).total == 4 and (await access_log(doctor.actor)).total == 0
    async with a_client(app, ada) as browser:
        cells = [cell.strip() for cell in CELLS.findall((await browser.get("/record/access")).text)]
    assert cells == [
        "Opened the profile", "System administration", "Opened the record", "Your own data",
        "Opened the record", "A clinic where you have a visit", "Opened the record", "A doctor who treats you",
    ]  # fmt: skip


def test_all_grounds_have_words() -> None:
    assert set(GROUNDS) == set(Grounds)


@pytest.mark.parametrize("language", ["en", "es", "hi", "ar"])
def test_no_act_is_shown_as_a_code(language: str) -> None:
    with speaking(language):
        shown = [act(action) for action in (*ACTS, "a_thing.that_is_new")]
    assert not [words for words in shown if not words or "_" in words or "." in words]
    assert not set(shown) & set(ACTS)


def recorded() -> set[str]:
    """What the sources write into the audit about a patient, as far as it stands there in one piece."""
    found = {move.event for move in MOVES.values()}
    for path in (Path(__file__).parents[2] / "portal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for told in INTO_AUDIT.findall(node.value):
                    found |= set(NAME.findall(told))
            called = getattr(getattr(node, "func", None), "id", "")
            if called in ("record_read", "record_in_tx") and "patient_id" in {one.arg for one in node.keywords}:  # type: ignore[attr-defined]
                found |= {str(one.value) for one in node.args if isinstance(one, ast.Constant) and one.value}  # type: ignore[attr-defined]
    return found


def test_every_act_about_a_patient_has_words() -> None:
    acts = recorded()
    assert {"record.read", "notes.amended", "message.sent", "appointment.no_show", "prescription.read"} <= acts
    assert not acts - set(ACTS)
