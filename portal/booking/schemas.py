"""What books a visit, and what can be booked."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Struct

from portal.appointments.schemas import AppointmentType
from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, LocalDate, Text


class NewAppointment(Input, frozen=True):
    """Exactly one of `slot_id`, `session_id` with `date`, or `specialty_id` with `mode`."""

    appointment_type: AppointmentType
    slot_id: Id | None = None
    session_id: Id | None = None
    date: LocalDate | None = None
    specialty_id: Id | None = None
    mode: Literal["FIRST_AVAILABLE"] | None = None
    chief_complaint: Annotated[str, Text(2000)] | None = None
    patient_id: Id | None = None

    def __post_init__(self) -> None:
        errors = [*self._misfits(), *self._missing()]
        if self.specialty_id and self.appointment_type is not AppointmentType.VIRTUAL:
            errors.append(FieldError("appointment_type", _("The first free doctor is met by video.")))
        if errors:
            raise Invalid(errors)

    def _misfits(self) -> list[FieldError]:
        chosen = [name for name in ("slot_id", "session_id", "specialty_id") if getattr(self, name)]
        if not chosen:
            return [FieldError("slot_id", _("Choose a time, a session or a specialty."))]
        errors = [FieldError(name, _("Choose only one way to book.")) for name in chosen[1:]]
        if self.date and "session_id" not in chosen:
            errors.append(FieldError("date", _("A date belongs to a session.")))
        if self.mode and "specialty_id" not in chosen:
            errors.append(FieldError("mode", _("This way of booking needs a specialty.")))
        return errors

    def _missing(self) -> list[FieldError]:
        errors = []
        if self.session_id and not self.date:
            errors.append(FieldError("date", _("This field is required.")))
        if self.specialty_id and not self.mode:
            errors.append(FieldError("mode", _("This field is required.")))
        return errors


class NewTime(Input, frozen=True):
    slot_id: Id


class FreeTime(Struct, frozen=True, kw_only=True):
    """A slot that was free a moment ago, offered instead of one that is gone."""

    slot_id: UUID
    doctor_id: UUID
    doctor_name: str
    start_time: datetime
    end_time: datetime
    time_zone: str
    service_type: str


class SlotOffer(Struct, frozen=True, kw_only=True):
    """A slot as its confirm page shows it to one patient; `refusal` says why it cannot be booked now."""

    slot_id: UUID
    doctor_id: UUID
    doctor_name: str
    specialty: str | None
    clinic_name: str | None
    clinic_address: str | None
    start_time: datetime
    end_time: datetime
    time_zone: str
    date: date
    service_type: str
    consultation_fee: Decimal
    currency: str
    refusal: str | None
    seconds_left: int | None  # of the patient's own hold
    held_until: datetime | None
    own_appointment_id: UUID | None


class PlaceOffer(Struct, frozen=True, kw_only=True):
    """The next place of a session on a date, as it stands before joining."""

    session_id: UUID
    doctor_id: UUID
    doctor_name: str
    specialty: str | None
    clinic_name: str | None
    clinic_address: str | None
    date: date
    time_zone: str
    service_type: str
    consultation_fee: Decimal
    currency: str
    position: int | None  # none: no place is left
    start_time: datetime | None
    overflow: bool
    taken: int
    own_appointment_id: UUID | None


class BookingForm(Input, frozen=True, kw_only=True):
    """What the patient says on the confirm pages."""

    appointment_type: AppointmentType
    chief_complaint: Annotated[str, Text(2000)] | None = None


class JoinForm(BookingForm, frozen=True, kw_only=True):
    date: LocalDate


class SpecialtyNow(Struct, frozen=True, kw_only=True):
    """How many doctors of a specialty could begin a video visit at this moment."""

    specialty_id: UUID
    name: str
    available: int


class FreeNow(Struct, frozen=True):
    specialties: list[SpecialtyNow]


class NowForm(Input, frozen=True, kw_only=True):
    """See the first doctor of a specialty who is free now."""

    specialty_id: Id
    chief_complaint: Annotated[str, Text(2000)] | None = None


class StaffForm(BookingForm, frozen=True, kw_only=True):
    """A time for a patient, chosen at the desk; `q` is by what they were found."""

    patient_id: Id
    slot_id: Id
    doctor_id: Id | None = None
    q: str | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """Somebody to book for, with what tells two of the same name apart."""

    id: UUID
    name: str
    date_of_birth: date | None
