"""Write the audit: one row for each read or write of a person's data, inside the action's own transaction."""

from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.schemas import BY_ROLE, Grounds
from portal.web.requests import request_id

INSERT = """
INSERT INTO audit_event (actor_id, actor_role, action, outcome, subject_type, subject_id, patient_id, reason, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def record_in_tx(
    actor: Actor | None,
    action: str,
    *,
    subject_type: str,
    subject_id: UUID | str,
    patient_id: UUID | None = None,
    reason: str | None = None,
    outcome: str = "OK",
) -> None:
    """Append one row; the database chains it. `actor` is None for the system itself and for visitors.

    Holds no health data: names of actions and ids only. Raises RuntimeError outside a transaction.
    """
    if not db.in_transaction():
        raise RuntimeError("record_in_tx needs an open transaction")
    await db.execute(INSERT, *row(actor, action, subject_type, subject_id, patient_id, reason, outcome))


async def record_read(
    actor: Actor,
    action: str,
    *,
    subject_type: str,
    subject_id: UUID | str,
    patient_id: UUID | None = None,
    grounds: Grounds | None = None,
) -> None:
    """Append one row for a read; its own transaction, before the data is shown.

    The patient is told what entitled the reader: `grounds` where it is not what their role reads by.
    """
    reason = None if patient_id in (None, actor.id) else grounds or BY_ROLE.get(actor.role.value)
    await db.execute(INSERT, *row(actor, action, subject_type, subject_id, patient_id, reason, "OK"))


async def record_denial(actor: Actor, subject_type: str, subject_id: UUID) -> None:
    """Append one row for a refusal: somebody asked for a thing that is not theirs, or that is not there.

    Which of the two it was is not decided here, as it is not told to the one who asked.
    """
    await db.execute(INSERT, *row(actor, "access.denied", subject_type, subject_id, None, None, "DENIED"))


def row(
    actor: Actor | None,
    action: str,
    subject_type: str,
    subject_id: UUID | str,
    patient_id: UUID | None,
    reason: str | None,
    outcome: str,
) -> tuple[Any, ...]:
    """The values of one audit row in the order of `INSERT`, for statements that write it along with their change."""
    who = (actor.id, actor.role.value) if actor else (None, None)
    return (*who, action, outcome, subject_type, str(subject_id), patient_id, reason, request_id())
