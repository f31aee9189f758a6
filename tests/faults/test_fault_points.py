"""Fault points: each is known by one name and used once, strikes only on a charge, and cannot be armed outside tests."""

import ast
import asyncio
import re
import time
from pathlib import Path

import pytest

from portal import faults
from portal.settings import SettingError, Settings
from tests.portal_server import ROOT
from tests.services import free_port
from tests.shell.test_serve import run, said

pytestmark = pytest.mark.B3


def used() -> list[str]:
    """The name in every `fault("…")` of the product."""
    found = []
    for path in (ROOT / "portal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fault":
                assert isinstance(node.args[0], ast.Constant), path
                found.append(node.args[0].value)
    return sorted(found)


def test_every_point_is_used_once_and_every_use_is_known() -> None:
    assert used() == sorted(faults.POINTS)


@pytest.fixture
def armed(tmp_path: Path) -> Path:
    faults.arm("before_commit:raise, after_commit:sleep:0.2", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def disarmed() -> object:
    yield
    faults.arm("", "")


@pytest.mark.anyio
async def test_a_charge_strikes_once(armed: Path) -> None:
    await faults.fault("before_commit")
    (armed / "before_commit.1").touch()
    with pytest.raises(ConnectionResetError):
        await faults.fault("before_commit")
    await faults.fault("before_commit")
    assert not list(armed.iterdir())


@pytest.mark.anyio
async def test_standing_still_lets_others_go_on(armed: Path) -> None:
    (armed / "after_commit.1").touch()
    begun = time.monotonic()
    struck = asyncio.create_task(faults.fault("after_commit"))
    await asyncio.sleep(0.01)
    assert not struck.done()
    await struck
    assert time.monotonic() - begun >= 0.2


@pytest.mark.anyio
async def test_what_is_not_armed_never_strikes(armed: Path) -> None:
    (armed / "before_claim.1").touch()
    await faults.fault("before_claim")
    assert (armed / "before_claim.1").exists()


SWITCH = {"PORTAL_TEST_FAULTS": "/tmp/charges"}
POINT = {"FAULT_AT": "before_commit:kill"}


@pytest.mark.parametrize(
    "environ",
    [
        POINT,
        SWITCH | POINT | {"PORTAL_BASE_URL": "https://clinic.org"},
        SWITCH | POINT | {"PORTAL_BASE_URL": "http://clinic.org"},
        SWITCH | POINT | {"PORTAL_BASE_URL": "https://127.0.0.1"},
        SWITCH | {"FAULT_AT": "nowhere:kill"},
        SWITCH | {"FAULT_AT": "before_commit:explode"},
        SWITCH | {"FAULT_AT": "before_commit:sleep:long"},
        SWITCH | {"FAULT_AT": "before_commit"},
    ],
)
def test_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError, match=r"^FAULT_AT: .+"):
        Settings.from_env(environ)


def test_allowed_in_a_test() -> None:
    assert Settings.from_env(SWITCH | POINT).fault_at == "before_commit:kill"


def test_refused_where_no_tests_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "find_spec", lambda _name: None)
    with pytest.raises(SettingError, match="refused"):
        Settings.from_env(SWITCH | POINT)


def test_the_start_stops_with_one_line(tmp_path: Path) -> None:
    ended = run("serve", "--port", str(free_port()), "--data", str(tmp_path), FAULT_AT="after_claim:kill")
    assert (ended.returncode, said(ended)) == (
        2,
        ["FAULT_AT: breaks the program on purpose; refused outside its tests"],
    )


def test_the_image_has_no_tests() -> None:
    """`is_development` leans on this: what is deployed is installed without the packages of the tests."""
    assert not re.search(r"\bdev\b|pytest", (ROOT / "Dockerfile").read_text())
