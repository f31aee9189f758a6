"""The demo data is what the README says, keeps every constraint, and is made once and on loopback only."""

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from portal import db, demo
from portal.pool import has_demo_accounts
from portal.settings import SettingError, Settings
from tests.services import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def test_demo_world(database_url: str, tmp_path: Path) -> None:
    assert not await has_demo_accounts(database_url)
    settings = Settings(database_url=database_url, data=tmp_path, demo=True)
    await demo.ensure(settings)
    counts = dict(await db.fetch("SELECT role, count(*) FROM account GROUP BY role"))
    assert counts == {"PATIENT": 201, "DOCTOR": 26, "CLINIC_ADMIN": 1, "PHARMACY": 1, "SYSTEM_ADMIN": 1}
    assert await db.fetch_value("SELECT count(DISTINCT time_zone) FROM clinic") == 3
    assert await db.fetch_value("SELECT count(DISTINCT specialty_id) FROM doctor") == 12
    statuses = dict(await db.fetch("SELECT status, count(*) FROM appointment GROUP BY status"))
    assert min(statuses.get(status, 0) for status in ("BOOKED", "COMPLETED", "CANCELLED", "NO_SHOW")) > 20
    wrong = await db.fetch_value(
        "SELECT count(*) FROM appointment a LEFT JOIN slot s ON s.appointment_id = a.id"
        " WHERE (a.status IN ('CANCELLED', 'NO_SHOW')) = (s.id IS NOT NULL)"
    )
    assert wrong == 0, "slots and appointments must agree"
    full = await db.fetch_value(
        "SELECT count(*) FROM (SELECT FROM slot WHERE NOT overflow AND starts_at > clock_timestamp() GROUP BY doctor_id, date"
        " HAVING avg((appointment_id IS NOT NULL)::int) > 0.8) AS day"
    )
    assert full > 10, "some days are nearly full"
    waiting = "SELECT count(*) FROM prescription WHERE pharmacy_id IS NOT NULL AND status = 'ACTIVE'"
    assert await db.fetch_value(waiting) >= 5, "prescriptions wait at the counter"
    before = await db.fetch_value("SELECT count(*) FROM slot")
    await demo.ensure(settings)
    assert await db.fetch_value("SELECT count(*) FROM slot") == before


async def test_demo_is_for_loopback_only(database_url: str) -> None:
    with pytest.raises(SettingError, match="--demo"):
        await demo.ensure(Settings(database_url=database_url, demo=True, base_url="https://clinic.example"))


async def test_the_command_fills_a_portal(database_url: str) -> None:
    """It runs as its own process; the module's database has its people already, and gets no second ones."""
    portal = Path(sys.executable).with_name("portal")
    environment = {**os.environ, "DATABASE_URL": database_url, "PORTAL_BASE_URL": "http://127.0.0.1:8000"}
    done = await anyio.run_process([str(portal), "demo"], env=environment)
    assert b"portal-demo" in done.stdout
    assert await db.fetch_value("SELECT count(*) FROM account WHERE email = 'patient@example.com'") == 1


@pytest.mark.parametrize(
    ("host", "base_url"), [("0.0.0.0", "http://127.0.0.1:8000"), ("127.0.0.1", "https://clinic.example")]
)
async def test_its_people_are_never_served_to_others(
    database_url: str, tmp_path: Path, host: str, base_url: str
) -> None:
    """They were made by an earlier `--demo`; whoever serves their database to others is told."""
    portal = Path(sys.executable).with_name("portal")
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "PORTAL_BASE_URL": base_url,
        "PORTAL_DATA": str(tmp_path),
    }
    ended = await anyio.run_process(
        [str(portal), "serve", "--host", host, "--port", str(free_port())],
        env=environment, check=False, stderr=subprocess.PIPE,
    )  # fmt: skip
    said = [line for line in ended.stderr.decode().splitlines() if not line.startswith("{")]
    assert ended.returncode == 2 and len(said) == 1 and "demo accounts" in said[0] and "--data" in said[0], said


async def test_an_address_of_the_demonstration_is_no_demo_account(database_url: str) -> None:
    """Strangers can register such addresses; what tells a demo account is its password."""
    await db.execute("UPDATE account SET password_hash = id::text WHERE email LIKE '%@example.com'")
    assert not await has_demo_accounts(database_url)
