"""Mails about visits, in the reader's own language: when and where, never why or with whom."""

from typing import Any

from portal import db
from portal.notifications.actions import mail_in_tx
from portal.outbox import enqueue_many_in_tx
from portal.web.i18n import _, speaking
from portal.web.render import format_date, format_time

BATCH = 100

# A booking or a changed schedule leaves its mail without words, in its own transaction; here they are found, and the mails
# are sent from now on.
WITHOUT_WORDS = """
SELECT m.id, m.about, a.starts_at AS start_time, a.time_zone, a.appointment_type, c.name AS clinic_name,
    p.locale AS patient_locale
FROM mail m JOIN appointment a ON a.id = m.about_id JOIN account p ON p.id = a.patient_id
LEFT JOIN clinic c ON c.id = a.clinic_id
WHERE m.body IS NULL AND m.failed_at IS NULL AND m.about IN ('appointment.booked', 'appointment.schedule_changed')
ORDER BY m.created_at LIMIT $1 FOR NO KEY UPDATE OF m SKIP LOCKED
"""
WORDS = """
UPDATE mail m SET subject = w.subject, body = w.body
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS w (id, subject, body) WHERE m.id = w.id
"""


async def find_words() -> int:
    """Give a batch of mails about visits their text and queue them; how many there were."""
    async with db.transaction():
        rows = await db.fetch(WITHOUT_WORDS, BATCH)
        if rows:
            texts = [booked(row) if row["about"] == "appointment.booked" else left_behind(row) for row in rows]
            ids = [row["id"] for row in rows]
            await db.execute(WORDS, ids, [subject for subject, _body in texts], [body for _subject, body in texts])
            await enqueue_many_in_tx("mail", [{"mail_id": str(mail_id)} for mail_id in ids])
    return len(rows)


def booked(row: Any) -> tuple[str, str]:
    """Tell the patient that the visit is booked: subject and body."""
    with speaking(row["patient_locale"]):
        subject = _("Your visit on %(day)s is booked", day=_day(row))
        body = _("Your visit is booked: %(when)s, %(place)s.", when=_when(row), place=_place(row))
        return subject, _closed(body)


def left_behind(row: Any) -> tuple[str, str]:
    """Tell the patient that the schedule has changed and the visit does not fit in any more: subject and body."""
    with speaking(row["patient_locale"]):
        subject = _("Your visit on %(day)s cannot take place as booked", day=_day(row))
        body = _("The schedule has changed. Your visit cannot take place as booked: %(when)s, %(place)s.",
                 when=_when(row), place=_place(row))  # fmt: skip
        return subject, _closed(body)


async def mail_cancelled_in_tx(row: Any) -> None:
    """Tell the patient that somebody else has cancelled the visit."""
    with speaking(row["patient_locale"]):
        subject = _("Your visit on %(day)s is cancelled", day=_day(row))
        body = _("Your visit was cancelled: %(when)s, %(place)s.", when=_when(row), place=_place(row))
        await _send_in_tx(row, subject, body)


async def mail_reminder_in_tx(row: Any) -> None:
    """Remind the patient of a visit to come."""
    with speaking(row["patient_locale"]):
        subject = _("Reminder: your visit on %(day)s", day=_day(row))
        body = _("You have a visit: %(when)s, %(place)s.", when=_when(row), place=_place(row))
        await _send_in_tx(row, subject, body)


async def _send_in_tx(row: Any, subject: str, body: str) -> None:
    await mail_in_tx(row["patient_id"], row["patient_email"], subject, _closed(body))


def _closed(body: str) -> str:
    closing = _("Log in to Care Portal to see it, to change it or to find another time.")
    return f"{body}\n\n{closing}\n"


def _day(row: Any) -> str:
    return format_date(row["start_time"], row["time_zone"], "d MMMM y")


def _when(row: Any) -> str:
    zone = row["time_zone"]
    day, time = format_date(row["start_time"], zone), format_time(row["start_time"], zone)
    return _("%(day)s at %(time)s (%(zone)s)", day=day, time=time, zone=zone)


def _place(row: Any) -> str:
    return _("by video") if row["appointment_type"] == "VIRTUAL" else row["clinic_name"] or ""
