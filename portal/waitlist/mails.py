"""The mail that tells of an offer: when and where, and until when it is kept; never why."""

from typing import Any

from portal.notifications.actions import mail_in_tx
from portal.web.i18n import _, speaking
from portal.web.render import format_date, format_time


async def mail_offered_in_tx(row: Any) -> None:
    """Tell the patient that a time is kept for them."""
    with speaking(row["patient_locale"]):
        zone = row["time_zone"]
        day, time = format_date(row["start_time"], zone), format_time(row["start_time"], zone)
        when = _("%(day)s at %(time)s (%(zone)s)", day=day, time=time, zone=zone)
        body = _(
            "A time has become free: %(when)s, %(place)s. It is kept for you until %(until)s.",
            when=when,
            place=row["clinic_name"] or _("by video"),
            until=format_time(row["expires_at"], zone),
        )
        closing = _("Log in to Care Portal to take it or to decline it. After that it is offered to somebody else.")
        subject = _("A time has become free on %(day)s", day=format_date(row["start_time"], zone, "d MMMM y"))
        await mail_in_tx(row["patient_id"], row["patient_email"], subject, f"{body}\n\n{closing}\n")
