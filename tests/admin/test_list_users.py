"""The list of users: filters, paging, and searches that are taken literally."""

import httpx
import pytest
from litestar import Litestar

from portal.accounts.schemas import Role
from tests import factories
from tests.clients import a_client
from tests.factories import Person

pytestmark = pytest.mark.anyio

USERS = "/api/admin/users"


@pytest.fixture
async def admin(app: Litestar) -> Person:
    return await factories.person(Role.SYSTEM_ADMIN)


async def test_filters_and_paging(client: httpx.AsyncClient, admin: Person) -> None:
    for number in range(5):
        await factories.doctor(last_name=f"Filter{number}", status="PENDING_VERIFICATION" if number < 2 else "ACTIVE")
    found = (await client.get(f"{USERS}?q=FILTER&limit=2&skip=1", headers=admin.bearer)).json()
    assert (found["total"], found["skip"], found["limit"], len(found["users"])) == (5, 1, 2, 2)
    assert [user["last_name"] for user in found["users"]] == ["Filter3", "Filter2"]
    assert "password" not in str(found)
    waiting = await client.get(f"{USERS}?q=filter&status=PENDING_VERIFICATION&role=DOCTOR", headers=admin.bearer)
    assert waiting.json()["total"] == 2
    assert (await client.get(f"{USERS}?q=filter&role=PATIENT", headers=admin.bearer)).json()["total"] == 0


@pytest.mark.parametrize("wild", ["%25", "_", "\\", "'%20OR%201=1--"])
async def test_wild_cards_are_letters(client: httpx.AsyncClient, admin: Person, wild: str) -> None:
    await factories.doctor(email=f"plain{len(wild)}.{ord(wild[-1])}@test.example", first_name="Plain", last_name="Name")
    found = (await client.get(f"{USERS}?q=plain{wild}", headers=admin.bearer)).json()
    assert found["total"] == 0


@pytest.mark.parametrize("query", ["status=ODD", "role=ROOT", "limit=101", "limit=1e1", "skip=-1", "sort=email"])
async def test_bad_filters(client: httpx.AsyncClient, admin: Person, query: str) -> None:
    assert (await client.get(f"{USERS}?{query}", headers=admin.bearer)).status_code == 422


async def test_the_page_shows_the_same(app: Litestar, admin: Person) -> None:
    await factories.doctor(last_name="Shown")
    async with a_client(app, admin) as browser:
        shown = await browser.get("/admin/users?q=shown&status=&role=")
        assert shown.status_code == 200
        assert "Shown" in shown.text
        assert 'value="shown"' in shown.text
        assert "No account fits" in (await browser.get("/admin/users?q=nobody-has-this-name")).text
