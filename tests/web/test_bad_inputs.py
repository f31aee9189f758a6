"""The bad-input list of `tests/badinputs.py` against an application with a field of every kind."""

from time import perf_counter

import httpx
import pytest
from litestar import Litestar, post
from litestar.params import JSONBody

from tests import badinputs
from tests.badvalues import BODIES
from tests.web import refusals
from tests.web.example import Everything, FormFields

pytestmark = pytest.mark.anyio


async def test_the_samples_are_accepted(client):
    answer = await client.post("/api/everything", json=badinputs.sample(Everything))
    assert answer.status_code == 201, answer.text


async def test_every_bad_json_value_is_refused(client, app):
    routes = list(badinputs.body_routes(app))
    assert ("POST", "/api/everything", Everything) in routes
    for method, path, struct in routes:
        assert await refusals.refused_json(client, method, path, struct) == []


async def test_every_bad_form_value_is_refused(client):
    assert await refusals.refused_forms(client, "/form", FormFields, extra=b"csrf_token=x") == []


async def test_every_bad_query_value_is_refused(client, app):
    assert await refusals.refused_queries(client, app) == []


@pytest.mark.parametrize(("body", "content_type", "expected"), BODIES, ids=range(len(BODIES)))
async def test_bad_bodies_are_refused_quickly(client, body, content_type, expected):
    begin = perf_counter()
    answer = await client.post("/api/everything", content=body, headers={"content-type": content_type})
    assert answer.status_code == expected, answer.text
    assert perf_counter() - begin < 1


async def test_other_spellings_of_an_id_do_not_exist(client, app):
    answers = [(await client.request(method, path)).status_code for method, path in badinputs.path_cases(app)]
    assert answers
    assert set(answers) == {404}


async def test_the_runner_bites():
    """A runner that finds nothing wrong anywhere would prove nothing: the framework's own decoding must be reported."""

    @post("/api/naive")
    async def naive(data: JSONBody[Everything]) -> None: ...

    transport = httpx.ASGITransport(Litestar([naive], logging_config=None))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        wrong = await refusals.refused_json(client, "POST", "/api/naive", Everything)
    assert len(wrong) > 100
