"""Templates of prescriptions: kept and thrown away by the doctor whose they are."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, Forbidden, NotFound
from portal.ids import uuid7
from portal.pads.queries import as_template
from portal.pads.schemas import NewTemplate, Template
from portal.prescriptions.policy import may_issue
from portal.web.i18n import _

MOST = 100
# Of one doctor's templates that are saved in the same moment each is counted after the one before. A statement of its own:
# what is counted must be read after the lock was given.
ONE_AT_A_TIME = "SELECT FROM doctor WHERE account_id = $1 FOR NO KEY UPDATE"
SAVE = """
INSERT INTO prescription_template (id, doctor_id, name, items) SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM prescription_template WHERE doctor_id = $2 AND lower(name) <> lower($3)) < $5
ON CONFLICT (doctor_id, lower(name)) DO UPDATE SET name = excluded.name, items = excluded.items RETURNING id, name, items
"""
FORGET = "DELETE FROM prescription_template WHERE id = $1 AND doctor_id = $2 RETURNING id"


@db.retried
async def save_template(actor: Actor, new: NewTemplate) -> Template:
    """Keep items under a name; one of the same name is replaced. Raises `Forbidden`, `Conflict` (`too_many`)."""
    if not may_issue(actor):
        raise Forbidden
    items = msgspec.json.decode(msgspec.json.encode(new.items))
    async with db.transaction():
        await db.execute(ONE_AT_A_TIME, actor.id)
        row = await db.fetch_row(SAVE, uuid7(), actor.id, new.name, items, MOST)
        if row is None:
            raise Conflict("too_many", _("You have as many templates as there can be. Remove one first."))
        await record_in_tx(actor, "template.saved", subject_type="template", subject_id=row["id"])
    return as_template(row)


@db.retried
async def forget_template(actor: Actor, template_id: UUID) -> None:
    """Remove a template of one's own. Raises `Forbidden`, `NotFound`."""
    if not may_issue(actor):
        raise Forbidden
    async with db.transaction():
        if await db.fetch_value(FORGET, template_id, actor.id) is None:
            raise NotFound
        await record_in_tx(actor, "template.removed", subject_type="template", subject_id=template_id)
