"""A portal that is served anchors its audit by itself, and can be checked and saved while it runs."""

import time
from pathlib import Path

import pytest

from portal.app import DOMAINS, part
from tests import portal_command
from tests.portal_server import served


def test_the_schedule_is_one_of_those_that_run() -> None:
    modules = [part(name, "jobs") for name in DOMAINS]
    found = {one.name: one.cron for module in modules for one in getattr(module, "SCHEDULES", ())}
    assert found["anchor_audit"] == "* * * * *"


@pytest.mark.soak
@pytest.mark.H3
def test_a_served_portal_anchors_within_a_minute(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served("--demo") as portal:
        folder = portal.log.parent
        deadline = time.monotonic() + 75
        while not list(folder.glob("audit-anchor/*.jsonl")) and time.monotonic() < deadline:
            time.sleep(1)
        assert '"audit heads ' in portal.log.read_text()
        checked = portal_command.run("audit", "verify", "--data", str(folder))
        assert checked.returncode == 0 and "compared with 1 anchor," in checked.stdout, checked.stdout + checked.stderr
        file = Path(tmp_path_factory.mktemp("saved")) / "portal.zip"
        assert portal_command.run("backup", str(file), "--data", str(folder)).returncode == 0
        assert file.stat().st_size > 100_000
