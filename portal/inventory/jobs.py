"""What the worker does for stock: what has expired stops counting within the hour of its midnight, and is told before."""

from portal.inventory import actions
from portal.outbox import Schedule
from portal.settings import Settings


async def sweep(_: Settings) -> None:
    """What has expired, by the clock of its place."""
    await actions.sweep_expired()


async def tell_expiring(settings: Settings) -> None:
    """What expires soon, each batch once."""
    await actions.tell_expiring(settings.expiring_days)


SCHEDULES = [
    Schedule("sweep_expired_stock", "3 * * * *", sweep),
    Schedule("tell_expiring_stock", "20 5 * * *", tell_expiring),
]
