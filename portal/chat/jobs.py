"""What the worker does for conversations: files that no message names go."""

from portal import db, storage
from portal.chat.actions import AREA
from portal.chat.queries import kept_files
from portal.outbox import Schedule
from portal.settings import Settings


async def remove_orphans(_: Settings) -> None:
    """Files whose transaction did not stand, a day later."""
    async with db.as_portal():  # whose they were is not known any more
        await storage.remove_orphans(AREA, kept_files)


SCHEDULES = [Schedule("remove_chat_orphans", "17 3 * * *", remove_orphans)]
