import pytest

from tests.accounts.conftest import PASSWORD, registration, submit

pytestmark = pytest.mark.anyio


async def test_registering_signing_in_and_refreshing_by_the_api(client):
    made = await client.post("/api/auth/register", json=registration("Ada@Example.org"))
    assert made.status_code == 201, made.text
    assert made.json()["user"]["email"] == "ada@example.org"
    assert made.json()["user"]["status"] == "ACTIVE"
    signed_in = await client.post("/api/auth/login", json={"email": "ADA@example.org", "password": PASSWORD})
    assert signed_in.status_code == 200, signed_in.text
    body = signed_in.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] <= 300
    me = await client.get("/api/auth/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.status_code == 200, me.text
    assert me.json()["first_name"] == "Ada"
    again = await client.post("/api/auth/refresh", json={"refresh_token": body["refresh_token"]})
    assert again.status_code == 200, again.text
    checked = await client.post("/api/auth/verify", json={"token": again.json()["access_token"]})
    assert checked.json()["valid"] is True


async def test_registering_and_signing_in_by_the_pages(client):
    values = {k: str(v) for k, v in registration("page@example.org").items()}
    made = await submit(client, "/register/patient", values)
    assert (made.status_code, made.headers.get("location")) == (303, "/home"), made.text
    assert (await submit(client, "/settings/logins", {}, "/logout")).headers["location"] == "/login"
    refused = await submit(client, "/login", {"email": "page@example.org", "password": "something else"})
    assert refused.status_code == 401
    assert "page@example.org" in refused.text
    entered = await submit(client, "/login", {"email": "page@example.org", "password": PASSWORD, "next": "/settings/logins"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/settings/logins")
