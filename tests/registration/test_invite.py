"""Invitations: an account without a password, a link to choose one, and never somebody else's account (C8)."""

from uuid import UUID

import httpx
import pytest

from portal import db
from portal.accounts.schemas import Role
from portal.errors import Conflict, Invalid
from portal.ids import uuid7
from portal.registration.actions import create_system_admin, invite_in_tx
from portal.registration.schemas import NewAccount
from tests import factories
from tests.clients import PASSWORD, audited, emitted, registration, token_mailed_to

pytestmark = [pytest.mark.anyio, pytest.mark.C8]


async def invited(email: str, **more: object) -> UUID:
    inviter = await factories.person(Role.CLINIC_ADMIN, clinic_ids=[await factories.clinic()])
    data = NewAccount(email=email, role=Role.DOCTOR, first_name="Ibn", last_name="Sina", **more)
    async with db.transaction():
        return await invite_in_tx(inviter.actor, data, "Hill Clinic")


async def test_the_invited_doctor_chooses_a_password_and_waits_for_verification(client: httpx.AsyncClient) -> None:
    account_id = await invited("sina@example.org", licence_number="D-1")
    login = {"email": "sina@example.org", "password": PASSWORD}
    assert (await client.post("/api/auth/login", json=login)).status_code == 401
    token = await token_mailed_to("sina@example.org")
    chosen = await client.post("/api/auth/reset-password", json={"token": token, "password": PASSWORD})
    assert chosen.status_code == 204
    body = (await client.post("/api/auth/login", json=login)).json()
    assert (body["user"]["id"], body["user"]["status"]) == (str(account_id), "PENDING_VERIFICATION")
    assert await audited("user.invite", account_id) == 1
    assert len(await emitted("user.registered", account_id)) == 1


async def test_an_address_with_an_account_cannot_be_invited(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/register", json=registration("taken@example.org"))
    with pytest.raises(Conflict, match="could not make an account"):
        await invited("taken@example.org")
    row = await db.fetch_row("SELECT role, first_name FROM account WHERE email = 'taken@example.org'")
    assert (row["role"], row["first_name"]) == ("PATIENT", "Ada")
    assert (
        await db.fetch_value(
            "SELECT count(*) FROM password_reset r JOIN account a ON a.id = r.account_id WHERE a.email = 'taken@example.org'"
        )
        == 0
    )


async def test_an_unknown_specialty_is_refused(client: httpx.AsyncClient) -> None:
    with pytest.raises(Invalid):
        await invited("unknown@example.org", specialty_id=uuid7())
    assert await db.fetch_value("SELECT count(*) FROM account WHERE email = 'unknown@example.org'") == 0


async def test_the_command_line_makes_the_system_admin(client: httpx.AsyncClient) -> None:
    account_id = await create_system_admin("root@example.org", PASSWORD, "Ada", "Root")
    body = (await client.post("/api/auth/login", json={"email": "root@example.org", "password": PASSWORD})).json()
    assert (body["user"]["role"], body["user"]["status"]) == ("SYSTEM_ADMIN", "ACTIVE")
    assert await audited("user.create_admin", account_id) == 1
    with pytest.raises(Conflict):
        await create_system_admin("root@example.org", PASSWORD, "Ada", "Root")
