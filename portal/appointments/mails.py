"""Mails about visits, in the reader's own language: when and where, never why or with whom."""

from typing import Any

from portal.notifications.actions import mail_in_tx
from portal.web.i18n import _, speaking
from portal.web.render import format_date, format_time


async def mail_booked_in_tx(row: Any) -> None:
    """Tell the patient that the visit is booked."""
    with speaking(row["patient_locale"]):
        subject = _("Your visit on %(day)s is booked", day=_day(row))
        body = _("Your visit is booked: %(when)s, %(place)s.", when=_when(row), place=_place(row))
        await _send_in_tx(row, subject, body)


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
    closing = _("Log in to Care Portal to see it, to change it or to find another time.")
    await mail_in_tx(row["patient_id"], row["patient_email"], subject, f"{body}\n\n{closing}\n")


def _day(row: Any) -> str:
    return format_date(row["start_time"], row["time_zone"], "d MMMM y")


def _when(row: Any) -> str:
    zone = row["time_zone"]
    day, time = format_date(row["start_time"], zone), format_time(row["start_time"], zone)
    return _("%(day)s at %(time)s (%(zone)s)", day=day, time=time, zone=zone)


def _place(row: Any) -> str:
    return _("by video") if row["appointment_type"] == "VIRTUAL" else row["clinic_name"] or ""
