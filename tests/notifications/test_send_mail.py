"""A queued mail reaches a real SMTP server once, with headers that no text can forge."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from portal import db, worker
from portal.notifications import jobs
from portal.notifications.actions import mail_in_tx
from portal.settings import Settings
from tests.notifications.mailbox import Mailbox, mail_server

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


@pytest.fixture
def smtp() -> Iterator[tuple[Mailbox, str]]:
    with mail_server() as running:
        yield running


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
    [(_recipients, mail)] = mailbox.mails
    assert mail["To"] == "nora@example.com" and mail["Date"]
    assert "bis dann." in mail.get_content()


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: all@example.com", "Hi\nX: y", "a\0b"])
async def test_no_header_can_be_forged(subject: str) -> None:
    with pytest.raises(ValueError):
        async with db.transaction():
            await mail_in_tx(None, "nora@example.com", subject, "text")
    assert await db.fetch_value("SELECT count(*) FROM mail WHERE subject = $1", subject.replace("\0", "")) == 0


async def test_without_a_server_a_mail_leaves_a_line(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Its id, by which the mail is found in the database; never to whom it was, nor what stood in it."""
    caplog.set_level("INFO")
    async with db.transaction():
        await mail_in_tx(None, "nora@example.com", "A new password", "https://clinic.example/reset/secret")
    mail_id = str(await db.fetch_value("SELECT id FROM mail ORDER BY created_at DESC LIMIT 1"))
    await jobs.send_mail(settings, {"mail_id": mail_id})
    lines = [record.getMessage() for record in caplog.records if record.name == jobs.__name__]
    assert len(lines) == 1 and mail_id in lines[0] and "PORTAL_SMTP_URL" in lines[0]
    assert not any(word in caplog.text for word in ("nora", "password", "secret"))


async def test_only_delivered_events_are_forgotten(settings: Settings) -> None:
    """An event that a broker has not had yet waits for it, however long; where there is no broker, nobody waits for it."""
    await db.execute("DELETE FROM outbox_event")
    insert = (
        "INSERT INTO outbox_event (id, event_type, aggregate_id, data, created_at, delivered_at)"
        " SELECT new_id(), 'user.verified', new_id(), '{}', now() - make_interval(days => $1), now() - make_interval(days => $2)"
    )
    for written, delivered in ((40, 31), (40, 29), (40, None), (20, None)):
        await db.execute(insert, written, delivered)
    left = "SELECT count(*) FROM outbox_event"
    await jobs.forget_old(replace(settings, amqp_url="amqp://rabbit.example/"))
    assert await db.fetch_value(left) == 3
    await jobs.forget_old(settings)
    assert await db.fetch_value(left) == 2
