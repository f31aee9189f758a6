"""Reads of specialties."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.specialties import policy
from portal.specialties.schemas import Specialty, SpecialtyList

# `strpos` instead of a pattern: no sign that is typed has a meaning of its own.
LIST = """
SELECT id, name, description, active, count(*) OVER () AS total FROM specialty
WHERE (active OR $2) AND ($1::text IS NULL OR strpos(fold_text(name), fold_text($1)) > 0)
ORDER BY CASE strpos(fold_text(name), fold_text(coalesce($1, ''))) WHEN 1 THEN 0 ELSE 1 END, fold_text(name), id
OFFSET $3 LIMIT $4
"""
COUNT = """
SELECT count(*) FROM specialty WHERE (active OR $2) AND ($1::text IS NULL OR strpos(fold_text(name), fold_text($1)) > 0)
"""
ONE = "SELECT id, name, description, active FROM specialty WHERE id = $1"


async def specialties(viewer: Actor | None, q: str | None = None, skip: int = 0, limit: int = 10) -> SpecialtyList:
    """The specialties whose name holds what was typed, names that begin with it first; the inactive for keepers only."""
    everything = policy.may_see_inactive(viewer)
    rows = await db.fetch(LIST, q, everything, skip, limit, public=True)
    total = rows[0]["total"] if rows else await db.fetch_value(COUNT, q, everything, public=True)
    found = [Specialty(**{name: row[name] for name in Specialty.__struct_fields__}) for row in rows]
    return SpecialtyList(total=total, skip=skip, limit=limit, specialties=found)


async def specialty(specialty_id: UUID) -> Specialty:
    """One specialty. Raises `NotFound`."""
    row = await db.fetch_row(ONE, specialty_id)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), Specialty)
