"""Reads of requests for more."""

from uuid import UUID

from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.errors import NotFound
from portal.prescriptions.readings import find_refill
from portal.prescriptions.readings import list_refills as read_list
from portal.prescriptions.schemas import Refill, RefillList


async def get_refill(actor: Actor, refill_id: UUID) -> Refill:
    """One request, for who asked and who is to answer; audited for the latter. Raises `NotFound`."""
    found = await find_refill(actor, refill_id)
    if found is None:
        raise NotFound
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "refill.read", subject_type="refill", subject_id=refill_id, patient_id=found.patient_id
        )  # fmt: skip
    return found


async def list_refills(actor: Actor, *, only_open: bool = False, skip: int = 0, limit: int = 10) -> RefillList:
    """The requests that the actor made or is to answer, open ones first."""
    found = await read_list(actor, only_open=only_open, skip=skip, limit=limit)
    if actor.role is not Role.PATIENT:
        await record_read(actor, "refills.listed", subject_type="refills", subject_id=actor.id)
    return found
