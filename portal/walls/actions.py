"""Making and revoking the links of a clinic's screens."""

import secrets
from uuid import UUID

from portal import db
from portal.accounts import tokens
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.clinics.policy import may_run
from portal.errors import Conflict, NotFound
from portal.ids import uuid7
from portal.walls import events
from portal.walls.schemas import NewLink, NewWall
from portal.web.i18n import _

MOST = 50
# Of one clinic's links that are made in the same moment each is counted after the one before. A statement of its own: what is
# counted must be read after the lock was given.
ONE_AT_A_TIME = "SELECT FROM clinic WHERE id = $1 FOR NO KEY UPDATE"
# One more, unless the clinic has as many as anybody could hang up; no row comes back then, or for a clinic not theirs.
MAKE = """
INSERT INTO wall_link (id, clinic_id, name, token_hash)
SELECT $1, c.id, $3, $4 FROM clinic c
WHERE c.id = $2 AND (SELECT count(*) FROM wall_link w WHERE w.clinic_id = c.id AND w.revoked_at IS NULL) < $5
RETURNING id
"""
REVOKE = """
UPDATE wall_link SET revoked_at = clock_timestamp()
WHERE id = $1 AND clinic_id = ANY ($2::uuid[]) AND revoked_at IS NULL RETURNING clinic_id
"""


@db.retried
async def make_wall(actor: Actor, clinic_id: UUID, data: NewWall) -> NewLink:
    """A link that shows the clinic's queues to whoever has it. Raises `NotFound`, `Conflict` (`too_many_walls`)."""
    if not may_run(actor, clinic_id):
        raise NotFound
    wall_id, token = uuid7(), secrets.token_urlsafe(24)
    async with db.transaction():
        await db.execute(ONE_AT_A_TIME, clinic_id)
        made = await db.fetch_value(MAKE, wall_id, clinic_id, data.name, tokens.token_hash(token), MOST)
        if made is None:
            raise Conflict(
                "too_many_walls", _("Your clinic has too many screens. Revoke the ones that you no longer use.")
            )
        await record_in_tx(actor, "wall.made", subject_type="wall", subject_id=wall_id)
    return NewLink(id=wall_id, clinic_id=clinic_id, name=data.name, url=tokens.absolute(f"/wall/{token}"))


@db.retried
async def revoke_wall(actor: Actor, wall_id: UUID) -> UUID:
    """End a link at once, and the streams of its screens with it; the clinic's id. Raises `NotFound`."""
    async with db.transaction():
        clinic_id = await db.fetch_value(REVOKE, wall_id, list(actor.clinic_ids))
        if clinic_id is None:
            raise NotFound
        await record_in_tx(actor, "wall.revoked", subject_type="wall", subject_id=wall_id)
        events.end_walls(clinic_id)
    return clinic_id
