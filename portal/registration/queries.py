"""What the registration form offers to choose from."""

from portal import db

SPECIALTIES = "SELECT id, name FROM specialty WHERE active ORDER BY name"


async def specialty_choices() -> list[tuple[str, str]]:
    """The specialties that a doctor may name, as (id, name)."""
    return [(str(row["id"]), row["name"]) for row in await db.fetch(SPECIALTIES, public=True)]
