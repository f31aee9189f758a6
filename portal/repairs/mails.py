"""Mails about offers, in the reader's own language: when and until when, never why or with whom."""

from typing import Any

from portal.notifications.actions import mail_in_tx
from portal.repairs.schemas import Repair, RepairKind
from portal.web.i18n import _, speaking
from portal.web.render import format_date, format_time


async def mail_offer_in_tx(visit: Any, offer: Repair) -> None:
    """Tell the patient that the visit cannot be as booked, or will be late, and what is kept instead."""
    with speaking(visit["patient_locale"]):
        subject = _("Please choose how your visit on %(day)s goes on", day=_day(visit))
        texts = [
            _why(visit, _when(visit["start_time"], visit["time_zone"])),
            _("The clinic offers a video visit at the same time instead.")
            if offer.kind is RepairKind.VIDEO
            else _("This time is kept for you: %(when)s.", when=_when(offer.start_time, offer.time_zone)),
            _("The offer stands until %(when)s.", when=_when(offer.expires_at, visit["time_zone"])),
            _("Log in to Care Portal to accept it, to choose another time or to cancel."),
        ]
        await mail_in_tx(visit["patient_id"], visit["patient_email"], subject, "\n\n".join(texts) + "\n")


def _why(visit: Any, when: str) -> str:
    if visit["needs_attention"] == "SCHEDULE_CHANGED":
        return _("Your visit cannot take place as booked: %(when)s.", when=when)
    return _("The doctor is late on the day of your visit: %(when)s.", when=when)


def _day(visit: Any) -> str:
    return format_date(visit["start_time"], visit["time_zone"], "d MMMM y")


def _when(moment: Any, zone: str) -> str:
    return _("%(day)s at %(time)s (%(zone)s)", day=format_date(moment, zone), time=format_time(moment, zone), zone=zone)
