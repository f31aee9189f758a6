"""The cast and the portal of the appointment tests, and a list on which somebody waits."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx

from portal import db
from tests import factories
from tests.appointments.conftest import Cast, app, book, cast, client, post
from tests.factories import Person

__all__ = ["app", "cast", "client"]


def wish(cast: Cast, **more: Any) -> dict[str, Any]:
    """From today for a week, for the doctor of the cast."""
    today = date.today()
    wanted = {"from": today.isoformat(), "to": (today + timedelta(days=7)).isoformat(), "service_type": "BOTH"}
    return {**wanted, **({} if "specialty_id" in more else {"doctor_id": str(cast.doctor.id)}), **more}


async def waits(client: httpx.AsyncClient, who: Person, cast: Cast, **more: Any) -> str:
    answer = await post(client, who, "/waitlist", wish(cast, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def taken(client: httpx.AsyncClient, cast: Cast, who: Person | None = None, hour: int = 9) -> tuple[UUID, str]:
    """A slot of tomorrow with a visit on it: slot and visit."""
    slot = await factories.slot(cast.doctor.id, factories.tomorrow_at(hour), clinic_id=cast.clinic_id)
    answer = await book(client, who or cast.patient, slot)
    assert answer.status_code == 201, answer.text
    return slot, answer.json()["id"]


async def jobs_for(slot: UUID) -> int:
    """How often a worker was asked to look at a slot now."""
    sql = """
    SELECT count(*) FROM pgqueuer WHERE entrypoint = 'waitlist' AND execute_after <= clock_timestamp()
        AND convert_from(payload, 'UTF8')::jsonb ->> 'slot_id' = $1
    """
    return int(await db.fetch_value(sql, str(slot)))


async def offer_to(who: Person) -> Any:
    """The open offer of somebody, as the row stands."""
    sql = "SELECT * FROM waitlist_offer WHERE patient_id = $1 AND status = 'OPEN'"
    return await db.fetch_row(sql, who.id)
