"""Nothing that a person opens makes them somebody else (C5)."""

from collections.abc import AsyncIterator

import pytest

from tests import catalogue
from tests.access.call import call
from tests.access.matrix import send
from tests.access.rows import ROWS
from tests.access.stage import Stage, settings_for, staged

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.C5]


@pytest.fixture(scope="module")
async def stage(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(settings_for(database_url, tmp_path_factory.mktemp("data"))) as found:
        yield found


async def test_opening_what_is_foreign_changes_nobody(stage: Stage) -> None:
    owner, elsewhere = stage.world.people["owner"], stage.world.sides["elsewhere"]
    assert owner is not None
    opened = [row for row in ROWS if row.method == "GET" and "stream" not in row.call and row.things()]
    for row in opened:
        async with stage.sandbox.rolled_back():
            answer = await send(stage.app, row, owner, elsewhere)
            assert "login" not in " ".join(answer.all("set-cookie")), row.call
            me = await call(stage.app, "GET", "/api/auth/me", owner)
            assert str(owner.id) in me.text, row.call
            settings = await call(stage.app, "GET", "/settings/details", owner)
            assert owner.actor.email in settings.text, row.call
    catalogue.figure("C5", f"{len(opened)} foreign things opened, the same person after each")
