"""Send queued mails by SMTP, and forget what has been delivered long ago."""

import logging
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from portal import clock, db
from portal.outbox import Job, Schedule
from portal.settings import Settings

logger = logging.getLogger(__name__)

SEND_SECONDS = 20
WAITING = "SELECT id, recipient, subject, body FROM mail WHERE id = $1 AND sent_at IS NULL AND failed_at IS NULL"
SENT = "UPDATE mail SET sent_at = clock_timestamp(), attempts = attempts + 1 WHERE id = $1"
FORGET = (
    "DELETE FROM mail WHERE created_at < clock_timestamp() - interval '30 days'",
    "DELETE FROM outbox_event WHERE delivered_at < clock_timestamp() - interval '30 days'",
    "DELETE FROM idempotency_key WHERE created_at < clock_timestamp() - interval '24 hours'",
)
# Where no other system listens, nobody will ever fetch them.
FORGET_UNSENT = """
DELETE FROM outbox_event WHERE created_at < clock_timestamp() - interval '30 days' AND delivered_at IS NULL AND dead_at IS NULL
"""


async def send_mail(settings: Settings, payload: dict[str, Any]) -> None:
    """Send one mail; raises when the server does not take it, and is tried again."""
    if not settings.smtp_url:
        logger.info("mail %s was not sent: PORTAL_SMTP_URL is not set", payload["mail_id"])
        return  # it stays in the table, where the demo's outbox page shows it
    mail = await db.fetch_row(WAITING, payload["mail_id"])
    if mail is None:
        return
    message = EmailMessage()
    message["From"] = f"portal@{urlsplit(settings.base_url).hostname}"
    message["To"], message["Subject"] = mail["recipient"], mail["subject"]
    message["Date"] = clock.now()
    message["Message-ID"] = f"<{mail['id']}@{urlsplit(settings.base_url).hostname}>"
    message.set_content(mail["body"])
    server = urlsplit(settings.smtp_url)
    await aiosmtplib.send(
        message,
        hostname=server.hostname,
        port=server.port,
        username=unquote(server.username) if server.username else None,
        password=unquote(server.password) if server.password else None,
        use_tls=server.scheme == "smtps",
        timeout=SEND_SECONDS,
    )
    await db.execute(SENT, mail["id"])


async def forget_old(settings: Settings) -> None:
    """Remove what nobody needs any more: delivered mails and events, spent keys."""
    for statement in FORGET if settings.amqp_url else (*FORGET, FORGET_UNSENT):
        await db.execute(statement)


JOBS = [Job("mail", send_mail)]
SCHEDULES = [Schedule("forget_old", "17 3 * * *", forget_old)]
