"""Writes of specialties."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Forbidden, NotFound
from portal.ids import uuid7
from portal.specialties import policy
from portal.specialties.schemas import NewSpecialty, Specialty, SpecialtyChange
from portal.web.i18n import N_

db.conflict_for("specialty_name_unique", "name_taken", N_("There is a specialty of this name already."))

CREATE = "INSERT INTO specialty (id, name, description) VALUES ($1, $2, $3)"
CHANGE = """
UPDATE specialty SET name = coalesce($2, name), description = coalesce($3, description), active = coalesce($4, active)
WHERE id = $1 RETURNING id, name, description, active
"""
# The lock makes a doctor who is just choosing this specialty wait, so that "in use" cannot change meanwhile.
LOCK = "SELECT id FROM specialty WHERE id = $1 FOR UPDATE"
REMOVE = "DELETE FROM specialty WHERE id = $1 AND NOT EXISTS (SELECT FROM doctor WHERE specialty_id = $1)"
DEACTIVATE = "UPDATE specialty SET active = false WHERE id = $1"


@db.retried
async def create_specialty(actor: Actor, data: NewSpecialty) -> Specialty:
    """Add one. Raises `Conflict` (`name_taken`), in whatever case or composition the name is written."""
    refuse_others(actor)
    async with db.transaction():
        made = Specialty(id=uuid7(), name=data.name, description=data.description or "", active=True)
        await db.execute(CREATE, made.id, made.name, made.description)
        await noted_in_tx(actor, "specialty.created", made.id)
    return made


@db.retried
async def change_specialty(actor: Actor, specialty_id: UUID, data: SpecialtyChange) -> Specialty:
    """Rename, describe, or use again. Raises `Conflict` (`name_taken`)."""
    refuse_others(actor)
    values = (None if value is msgspec.UNSET else value for value in (data.name, data.description, data.active))
    async with db.transaction():
        row = await db.fetch_row(CHANGE, specialty_id, *values)
        if row is None:
            raise NotFound
        changed = msgspec.convert(dict(row), Specialty)
        await noted_in_tx(actor, "specialty.changed", changed.id)
    return changed


@db.retried
async def delete_specialty(actor: Actor, specialty_id: UUID) -> bool:
    """Remove one that no doctor has, otherwise only offer it no longer. Whether it is gone altogether."""
    refuse_others(actor)
    async with db.transaction():
        if await db.fetch_value(LOCK, specialty_id) is None:
            raise NotFound
        removed = await db.execute(REMOVE, specialty_id) == 1
        if not removed:
            await db.execute(DEACTIVATE, specialty_id)
        await noted_in_tx(actor, "specialty.deleted" if removed else "specialty.deactivated", specialty_id)
    return removed


def refuse_others(actor: Actor) -> None:
    """Raises `Forbidden` for roles that never keep the list."""
    if not policy.may_keep(actor):
        raise Forbidden


async def noted_in_tx(actor: Actor, action: str, specialty_id: UUID) -> None:
    """The audit row of a change."""
    await record_in_tx(actor, action, subject_type="specialty", subject_id=specialty_id)
