"""Demo data: three clinics, their doctors and patients, eight weeks of sessions, and a life already lived in them.

Made by `portal serve --demo` on loopback only, once; it is the same on every machine but for the dates.
"""

import logging

from portal import db
from portal.accounts import tokens
from portal.demo import calendar, counter, people, places, prescriptions, stock, talks
from portal.settings import Settings

logger = logging.getLogger(__name__)

PASSWORD = "portal-demo"  # noqa: S105  # public on purpose; settings refuse --demo on any address but loopback


async def ensure(settings: Settings) -> None:
    """Make the demo data unless it is there. Raises `SettingError` when the portal is not on loopback."""
    settings.check()
    if await db.fetch_value("SELECT EXISTS (SELECT FROM account WHERE email = 'patient@example.com')"):
        return
    tokens.use_keys(settings)  # the demo's prescriptions are signed like any other
    logger.info("making the demo data")
    async with db.transaction():
        world = await places.make_in_tx()
        cast = await people.make_in_tx(world, PASSWORD)
        await calendar.make_in_tx(world, cast, settings.horizon_days)
        await stock.make_in_tx(world)
        await talks.make_in_tx(cast)
        await prescriptions.make_in_tx(cast)
        await counter.make_in_tx()
    await db.execute("ANALYZE")
