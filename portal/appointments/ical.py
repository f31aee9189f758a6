"""Appointments as iCalendar (RFC 5545): where and when, never why."""

from datetime import UTC, datetime

from portal import clock
from portal.appointments.schemas import Appointment, AppointmentStatus, AppointmentType
from portal.web.i18n import _

LINE_BYTES = 74


def calendar_of(appointments: list[Appointment], base_url: str) -> str:
    """A whole calendar with one event a visit."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Care Portal//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    for one in appointments:
        lines += _event(one, base_url)
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in folded(line))


def _event(one: Appointment, base_url: str) -> list[str]:
    is_virtual = one.appointment_type is AppointmentType.VIRTUAL
    place = _("Video visit") if is_virtual else ", ".join(filter(None, [one.clinic_name, one.clinic_address]))
    return [
        "BEGIN:VEVENT",
        f"UID:{one.id}@care-portal",
        f"DTSTAMP:{stamp(clock.now())}",
        f"DTSTART:{stamp(one.start_time)}",
        f"DTEND:{stamp(one.end_time)}",
        f"SUMMARY:{escaped(_('Visit with %(doctor)s', doctor=one.doctor_name))}",
        f"LOCATION:{escaped(place)}",
        f"URL:{base_url}/appointments/{one.id}",
        f"STATUS:{'CANCELLED' if one.status is AppointmentStatus.CANCELLED else 'CONFIRMED'}",
        "END:VEVENT",
    ]


def stamp(moment: datetime) -> str:
    """An instant in UTC as the format writes it."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def escaped(text: str) -> str:
    """Text as a property's value; nothing in it can begin a line of its own."""
    for plain, safe in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        text = text.replace(plain, safe)
    return text


def folded(line: str) -> list[str]:
    """A long line in pieces of at most 75 bytes, whole characters each."""
    pieces, current = [], ""
    for character in line:
        if len((current + character).encode()) > LINE_BYTES:
            pieces.append(current)
            current = " "
        current += character
    return [*pieces, current]
