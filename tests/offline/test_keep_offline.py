"""What a device keeps for a lost network is the same for everybody."""

import pytest
from httpx import AsyncClient

from tests import factories

pytestmark = [pytest.mark.anyio]


async def test_worker_and_offline_page_hold_nothing_personal(client: AsyncClient) -> None:
    person = await factories.patient(first_name="Zuleika")
    worker = await client.get("/sw.js")
    assert worker.headers["content-type"].startswith("text/javascript") and 'OFFLINE = "/offline"' in worker.text
    page = await client.get("/offline", headers={"Cookie": f"login={person.secret}"})
    assert page.status_code == 200 and "Zuleika" not in page.text and "set-cookie" not in page.headers
