"""The streams inside the whole application: its logins, checks and headers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from portal import db, live
from portal.accounts.schemas import Role
from portal.app import create_app
from portal.settings import Settings
from tests import factories
from tests.live import tiny
from tests.live.client import Stream, close_all, connect, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def port(settings: Settings) -> AsyncIterator[int]:
    tiny.register_topics()
    async with serving(create_app(replace(settings, base_url="http://127.0.0.1:8000"))) as number:
        yield number
        await close_all()


async def ends(stream: Stream, seconds: float = 5) -> None:
    await asyncio.wait_for(stream.ended.wait(), seconds)


async def test_both_faces_know_their_own_login(port: int) -> None:
    me = await factories.person(Role.PATIENT)
    mine = f"person:{me.id}"
    cookie = {"Cookie": f"login={me.secret}"}
    page = await connect(port, mine, headers=cookie)
    client = await connect(port, mine, api=True, headers=me.bearer)
    assert (page.status, client.status) == (200, 200)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert (await connect(port, mine, headers=me.bearer)).status == 403
    assert (await connect(port, mine, api=True, headers=cookie)).status == 401
    assert (await connect(port, mine, api=True, headers={"Authorization": "Bearer junk"})).status == 401
    assert (await connect(port, f"{mine}&skip=1", headers=cookie)).status == 400
    assert (await connect(port, mine, api=True, headers=me.bearer, method="DELETE")).status == 405


@pytest.mark.C6
async def test_a_logout_ends_streams_at_once_and_suspension_within_five_seconds(port: int) -> None:
    me, other = await factories.person(Role.PATIENT), await factories.person(Role.DOCTOR)
    page = await connect(port, f"person:{me.id}", headers={"Cookie": f"login={me.secret}"})
    client = await connect(port, f"person:{me.id}", api=True, headers=me.bearer)
    theirs = await connect(port, f"person:{other.id}", headers={"Cookie": f"login={other.secret}"})
    async with db.transaction():
        await db.execute(
            "UPDATE login SET revoked_at = clock_timestamp() WHERE account_id = $1 AND kind = 'PAGE'", me.id
        )
        live.recheck_user(me.id)
    await ends(page, 3)
    assert not client.ended.is_set()
    await db.execute("UPDATE account SET status = 'SUSPENDED' WHERE id = $1", other.id)
    await ends(theirs)
    assert not client.ended.is_set()


@pytest.mark.F5
async def test_a_stream_holds_no_database_connection(port: int) -> None:
    me = await factories.person(Role.PATIENT)
    for _ in range(30):
        assert (await connect(port, f"person:{me.id}", headers={"Cookie": f"login={me.secret}"})).status == 200
    pool = db.DB.pool
    assert pool.get_size() - pool.get_idle_size() == 0


async def test_answers_share_no_headers(port: int) -> None:
    first, second = await connect(port, "nothing"), await connect(port, f"things:{'0' * 8}-0000-0000-0000-{'0' * 12}")
    third = await connect(port, f"things:{'0' * 8}-0000-0000-0000-{'0' * 12}")
    assert first.status == 404
    assert second.headers["x-request-id"] != third.headers["x-request-id"]
    assert second.headers.keys() == third.headers.keys()
