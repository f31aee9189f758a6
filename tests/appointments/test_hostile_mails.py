"""D9 in mails: what somebody is called stays words, in the text of a mail to one person, on its way through real SMTP."""

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage

import httpx
import pytest

from portal import db
from portal.appointments.mails import find_words
from portal.notifications.jobs import send_mail
from portal.settings import Settings
from tests import catalogue
from tests.appointments.conftest import Cast, booked, post
from tests.notifications.mailbox import Mailbox, mail_server
from tests.payloads import PAYLOADS

pytestmark = [pytest.mark.anyio, pytest.mark.D9]

NAMES = [
    "https://evil.example/login?x=1", "[Log in](https://evil.example)", "{{7*7}}", "${7*7} %(when)s %s",
    "<script>alert(1)</script>", '<img src="https://evil.example/x.png">', "=?utf-8?q?Subject?=",
    "\r\nBcc: all@evil.example", "\r\n\r\n<html>", "\nSubject: forged", "\r\n.\r\nMAIL FROM:<x@evil.example>", ".",
    *(PAYLOADS if catalogue.FULL else PAYLOADS[-6:]),
]  # fmt: skip
HEADERS = {"from", "to", "subject", "date", "message-id", "content-type", "content-transfer-encoding", "mime-version"}
WAITING = "SELECT id, subject FROM mail WHERE recipient = $1 AND sent_at IS NULL ORDER BY created_at"
RENAME = """
WITH people AS (UPDATE account SET first_name = $2, last_name = $2 WHERE id = ANY($3))
UPDATE clinic SET name = $2 WHERE id = $1
"""


@pytest.fixture
def smtp() -> Iterator[tuple[Mailbox, str]]:
    with mail_server() as running:
        yield running


def wrong(rcpt: list[str], mail: EmailMessage, cast: Cast, subject: str, name: str) -> list[str]:
    """What is not as in a mail with a harmless name."""
    address, text = cast.patient.actor.email, mail.get_content()
    checks = {
        "sent to others": rcpt == [address] and mail["To"] == address,
        "other headers": len(mail.keys()) == len(HEADERS) and {one.lower() for one in mail.keys()} == HEADERS,  # noqa: SIM118
        "another subject": mail["Subject"] == subject and "\n" not in subject and "evil" not in subject,
        "no plain text": mail.get_content_type() == "text/plain" and not mail.is_multipart() and not mail.defects,
        "the name is not as it was written": name.splitlines() == [] or all(line in text for line in name.splitlines()),
    }
    return [f"{name!r}: {what}" for what, is_right in checks.items() if not is_right]


async def test_a_name_stays_words_in_the_mail(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, smtp: tuple[Mailbox, str]
) -> None:
    """Everybody is called so, and the clinic, which is what a mail names; booked by the patient, cancelled by the clinic."""
    mailbox, url = smtp
    found, subjects = [], list[str]()
    for number, name in enumerate(NAMES):
        await db.execute(RENAME, cast.clinic_id, name, [cast.patient.id, cast.doctor.id, cast.admin.id])
        visit = await booked(client, cast, day=1 + number)
        await find_words()
        cancelled = await post(client, cast.admin, f"/appointments/{visit['id']}/cancel", {"reason": "x"})
        assert cancelled.status_code == 200, cancelled.text
        rows = await db.fetch(WAITING, cast.patient.actor.email)
        assert len(rows) == 2
        mailbox.mails.clear()
        for row in rows:
            await send_mail(replace(settings, smtp_url=url), {"mail_id": str(row["id"])})
            subjects.append(row["subject"])
        assert len(mailbox.mails) == 2
        for (rcpt, mail), row in zip(mailbox.mails, rows, strict=True):
            found += wrong(rcpt, mail, cast, row["subject"], name)
    catalogue.figure(
        "D9", f"{len(subjects)} mails with {len(NAMES)} hostile names through SMTP: {len(found)} not inert"
    )
    assert not found, "\n".join(found)
