"""Whatever goes wrong is answered in one form, and tells nothing of what people wrote."""

import logging

import httpx
import pytest

pytestmark = pytest.mark.anyio

HTML, HTMX = {"Accept": "text/html"}, {"HX-Request": "true", "Accept": "text/html"}
CASES = [
    ("conflict", 409, "slot_taken"), ("invalid", 422, "invalid"), ("busy", 503, "unavailable"),
    ("often", 429, "too_many_requests"), ("broken", 500, "error"), ("database", 500, "error"),
    ("deadlock", 503, "unavailable"), ("timeout", 503, "unavailable"), ("gone", 503, "unavailable"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "status", "code"), CASES)
async def test_problem_of_the_api(visitor: httpx.AsyncClient, kind: str, status: int, code: str) -> None:
    answer = await visitor.get(f"/api/errors/{kind}", headers=HTML)
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code and body["title"] and body["detail"] and body["type"] == "about:blank"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status in (429, 503))
    assert "Secret" not in answer.text and "Traceback" not in answer.text


@pytest.mark.parametrize(("kind", "status", "code"), CASES)
async def test_problem_page(visitor: httpx.AsyncClient, kind: str, status: int, code: str) -> None:
    for headers in (HTML, {}, {"Accept": "*/*"}):
        answer = await visitor.get(f"/errors/{kind}", headers=headers)
        assert answer.status_code == status and answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text.startswith("<!doctype html>") and answer.headers["x-request-id"] in answer.text
        assert "Secret" not in answer.text


async def test_every_way_on_leads_to_where_somebody_was(visitor: httpx.AsyncClient) -> None:
    """With what the address asked for; a refused form leads back to the page that it stood on."""
    shown = (await visitor.get("/errors/busy?day=2026-11-20", headers=HTML)).text
    assert 'href="/errors/busy?day=2026-11-20"' in shown and 'name="next" value="/errors/busy?day=2026-11-20"' in shown
    referer = {"Referer": "http://testserver.local/numbers?count=3", "Origin": "http://testserver.local"}
    posted = (await visitor.post("/limited", headers={**HTML, **referer})).text
    assert 'name="next" value="/numbers?count=3"' in posted


@pytest.mark.parametrize(("kind", "status", "code"), CASES)
async def test_problem_fragment(visitor: httpx.AsyncClient, kind: str, status: int, code: str) -> None:
    answer = await visitor.get(f"/errors/{kind}", headers=HTMX)
    assert answer.status_code == status and 'role="alert"' in answer.text and "<html" not in answer.text


async def test_extra_facts_and_field_errors(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/api/errors/conflict")).json()["seconds"] == 3
    assert (await visitor.get("/api/errors/invalid")).json()["errors"] == [{"field": "name", "message": "Too long."}]
    assert (await visitor.get("/api/errors/often")).headers["retry-after"] == "9"


@pytest.mark.parametrize("path", ["/api/nowhere", "/fhir/Nothing"])
async def test_no_route_is_a_problem_too(visitor: httpx.AsyncClient, path: str) -> None:
    answer = await visitor.get(path, headers=HTML)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_page_for_programs_that_ask_for_json(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PROPFIND"])
async def test_other_methods(visitor: httpx.AsyncClient, method: str) -> None:
    answer = await visitor.request(method, "/form")
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_methods_are_not_overridden(visitor: httpx.AsyncClient, header: str) -> None:
    assert (await visitor.get("/form", headers={header: "POST"})).status_code == 200
    assert (await visitor.get("/form?_method=POST")).status_code == 200


async def test_query_values(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/numbers?count=many", headers={"Accept": "application/json"})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "count"


async def test_log_names_type_and_place_only(visitor: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await visitor.get("/errors/broken")
    text = caplog.text
    assert "ValueError" in text and "routes.py" in text and "Secret" not in text


async def test_error_in_the_error_page(visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.web import render

    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("no template")

    monkeypatch.setattr(render, "render", fail)
    answer = await visitor.get("/errors/conflict")
    assert answer.status_code == 409 and answer.headers["content-type"].startswith("text/plain")


async def test_page_that_needs_a_login(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/own?week=2026-11-20")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fown%3Fweek%3D2026-11-20")


async def test_post_that_needs_a_login_comes_before_csrf(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/own", data={})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fown")
    only = await visitor.post("/own/only-post", headers={"Referer": "http://testserver.local/form?a=1"})
    assert only.headers["location"] == "/login?next=%2Fform%3Fa%3D1"
    elsewhere = await visitor.post("/own/only-post", headers={"Referer": "https://evil.com//evil.com"})
    assert elsewhere.headers["location"] == "/login?next=%2F"


async def test_fragment_that_needs_a_login(visitor: httpx.AsyncClient) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://testserver.local/form?x=1"}
    answer = await visitor.get("/own", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?next=%2Fform%3Fx%3D1")


async def test_api_that_needs_a_login(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/api/things", json={"name": "x"})
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"


async def test_cookie_is_nothing_on_the_api(browser: httpx.AsyncClient, program: httpx.AsyncClient) -> None:
    assert (await browser.post("/api/things", json={"name": "x"})).status_code == 401
    assert (await program.get("/own")).status_code == 303


async def test_wrong_role(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/doctors-own")).status_code == 403
