"""What the worker does for the audit: the heads of the chains go where the database cannot reach."""

import asyncio
import logging

from portal.audit import anchors, queries
from portal.outbox import Schedule
from portal.settings import Settings

logger = logging.getLogger(__name__)


async def anchor(settings: Settings) -> None:
    """Write the heads to the anchor files; the log has them too, which usually leaves the machine.

    Raises OSError when no place took them, so that the health page and the alarm of old anchors tell.
    """
    at, heads = await queries.heads()
    if not await asyncio.to_thread(anchors.write, settings, at, heads):
        raise OSError("no place took the audit's anchor")
    logger.info("audit heads %s", " ".join(f"{chain}:{seq}:{digest.hex()[:16]}" for chain, seq, digest in heads))


SCHEDULES = [Schedule("anchor_audit", "* * * * *", anchor)]
