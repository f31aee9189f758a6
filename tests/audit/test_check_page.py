"""The check of the audit, as the system admin sees it and as a program reads it: one result."""

import asyncpg
import pytest
from httpx import AsyncClient

from portal.accounts.schemas import Role
from portal.audit import jobs
from portal.settings import Settings
from tests import factories
from tests.audit.test_tampering import APPEND

pytestmark = [pytest.mark.anyio, pytest.mark.H3]


async def test_page_and_api_tell_of_anchors_and_of_breaks(client: AsyncClient, settings: Settings) -> None:
    admin = await factories.person(Role.SYSTEM_ADMIN)
    client.cookies.update(admin.cookies)
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(APPEND, 0, 160)
    without = await client.get("/admin/audit/verify")
    assert "The chains are whole" in without.text and "no anchor files" in without.text
    await jobs.anchor(settings)
    whole = (await client.get("/api/admin/audit/verify", headers=admin.bearer)).json()
    assert (whole["whole"], whole["rows"], whole["anchors"], whole["breaks"]) == (True, 160, 1, [])
    assert "Compared with 1 anchor outside" in (await client.get("/admin/audit/verify")).text

    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        "DELETE FROM audit_event WHERE chain = 3 AND seq > 5;"
        "UPDATE audit_head h SET seq = 5, hash = e.hash FROM audit_event e WHERE h.chain = 3 AND e.chain = 3 AND e.seq = 5"
    )
    await connection.close()
    broken = (await client.get("/api/admin/audit/verify", headers=admin.bearer)).json()
    assert broken["breaks"] == [{"chain": 3, "seq": 6, "until": 10, "harm": "CUT"}] and not broken["whole"]
    page = (await client.get("/admin/audit/verify")).text
    assert "Chain 3 breaks at row 6." in page and "rows were removed from the end" in page
