"""What the worker does for the counter by the clock: counts of wrong codes that are long over are removed."""

from portal import db
from portal.dispensing.schemas import TRIES_SECONDS
from portal.outbox import Schedule
from portal.settings import Settings

BATCH = 5000

# A count that is over begins anew with the next try, so nobody gains one by this. $1 seconds that it lasts, $2 how many
FORGET = """
DELETE FROM code_try WHERE whose IN (
    SELECT whose FROM code_try WHERE since < clock_timestamp() - make_interval(days => 1, secs => $1)
    LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


async def forget_tries(_settings: Settings) -> None:
    """Remove counts of tries a day after their hour."""
    while await db.execute(FORGET, float(TRIES_SECONDS), BATCH) == BATCH:
        pass


SCHEDULES = [Schedule("forget_code_tries", "57 * * * *", forget_tries)]
