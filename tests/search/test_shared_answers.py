"""Many look for the same at once: on the page they share an answer for two seconds, in the API everybody has their own."""

import httpx
import pytest

from portal import db
from portal.search import queries
from tests.counting import counted_statements
from tests.search.test_find_doctors import crew

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def test_who_looks_for_the_same_shares_an_answer_on_the_page_but_not_in_the_api(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    specialty, (one,) = await crew(1, last_name="Firstly")
    params = {"specialty_id": specialty}
    await client.get("/doctors", params=params)
    await db.execute("UPDATE account SET last_name = 'Secondly' WHERE id = $1", one.id)
    with counted_statements() as sent:
        shared = (await client.get("/doctors", params=params)).text
    assert "Firstly" in shared and not [sql for sql in sent if "doctor_search" in sql]
    (now,) = (await client.get("/api/doctors", params=params)).json()["doctors"]
    assert now["last_name"] == "Secondly"
    monkeypatch.setattr(queries, "_answers", {})  # as two seconds later
    assert "Secondly" in (await client.get("/doctors", params=params)).text
