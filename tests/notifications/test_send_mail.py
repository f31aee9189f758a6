"""A queued mail reaches a real SMTP server once, with headers that no text can forge."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from portal import db, worker
from portal.notifications import jobs
from portal.notifications.actions import mail_in_tx
from portal.settings import Settings
from tests.services import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # the library's name
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    yield mailbox, f"smtp://127.0.0.1:{server.port}"
    server.stop()


async def test_mail_arrives_once(smtp: tuple[Mailbox, str], settings: Settings) -> None:
    mailbox, url = smtp
    sending = replace(settings, smtp_url=url)
    async with worker.running(sending, jobs.JOBS, [], None):
        async with db.transaction():
            await mail_in_tx(None, "nora@example.com", "Dein Termin – übermorgen", "Hallo Nora,\n\nbis dann.")
        async with asyncio.timeout(15):
            while not await db.fetch_value("SELECT count(*) FROM mail WHERE sent_at IS NOT NULL"):
                await asyncio.sleep(0.05)
    mail_id = await db.fetch_value("SELECT id FROM mail")
    await jobs.send_mail(sending, {"mail_id": str(mail_id)})
    assert len(mailbox.mails) == 1
    assert mailbox.mails[0]["To"] == "nora@example.com"
    assert "bis dann." in mailbox.mails[0].get_payload(decode=True).decode()


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: all@example.com", "Hi\nX: y", "a\0b"])
async def test_no_header_can_be_forged(subject: str) -> None:
    with pytest.raises(ValueError):
        async with db.transaction():
            await mail_in_tx(None, "nora@example.com", subject, "text")
    assert await db.fetch_value("SELECT count(*) FROM mail WHERE subject = $1", subject.replace("\0", "")) == 0
