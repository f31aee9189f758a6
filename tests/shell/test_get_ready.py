"""What `portal serve` needs to get ready is used by a process of its own, and kept by none that stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.settings import SettingError
from portal.supervising import aside
from tests.portal_server import served
from tests.services import free_port, redis
from tests.shell.test_serve import PORTAL

NEEDED_BY_OTHERS = ("asyncpg", "_argon2_cffi_bindings", "cryptography", "httptools")
USED_UP = """
import sys
from portal.supervising import aside
def work():
    import asyncpg
aside(work)
print("asyncpg" in sys.modules)
"""


def loaded(pid: int) -> set[str]:
    """The compiled parts of libraries that a process has loaded, by their library."""
    parts = Path(f"/proc/{pid}/maps").read_text().split()
    return {name for name in NEEDED_BY_OTHERS if any(f"/site-packages/{name}/" in part for part in parts)}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_whoever_supervises_keeps_nothing_of_it(tmp_path: Path) -> None:
    with redis() as broker, served("--workers", "2", data=tmp_path, REDIS_URL=broker.url) as portal:
        children = Path(f"/proc/{portal.process.pid}/task/{portal.process.pid}/children").read_text().split()
        assert loaded(portal.process.pid) == set()
        assert {"asyncpg", "cryptography"} <= {name for child in children for name in loaded(int(child))}


def test_what_was_needed_is_gone_with_its_process() -> None:
    told = subprocess.run([sys.executable, "-c", USED_UP], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False"]


def test_a_wrong_setting_is_told_as_if_it_had_been_found_here() -> None:
    def work(name: str) -> None:
        raise SettingError(f"{name}: cannot be used")

    with pytest.raises(SettingError, match=r"^PORTAL_KEYS: cannot be used$"):
        aside(work, "PORTAL_KEYS")


def test_after_anything_else_nothing_starts(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise ValueError("a mistake of ours")

    with pytest.raises(SystemExit) as ended:
        aside(work)
    assert ended.value.code == 1
    assert "ValueError: a mistake of ours" in capfd.readouterr().err


def test_told_to_end_while_getting_ready_it_ends_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The demonstration takes seconds to make, in a database of its own."""
    environment = {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}
    command = [PORTAL, "serve", "--demo", "--port", str(free_port()), "--data", str(tmp_path)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert any("making the demo data" in line for line in process.stderr)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
    assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in _text(one)]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
