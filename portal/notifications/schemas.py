"""What people are told in their own list: that something happened, and where to read more; never what it is about."""

from datetime import datetime
from uuid import UUID

import msgspec

from portal.web.i18n import N_, _

TEXTS = {
    "appointment.booked": N_("A visit was booked."),
    "appointment.cancelled": N_("A visit was cancelled."),
    "appointment.no_show": N_("A visit did not take place. You can find another time."),
    "appointment.reminder": N_("You have a visit soon."),
    "appointment.referred": N_("Your doctor referred you to another doctor."),
    "appointment.referral_received": N_("A patient was referred to you."),
    "waitlist.offered": N_("A time has become free for you. It is kept for ten minutes."),
    "waitlist.ended": N_("You are no longer on a waitlist, because you did not answer three offers."),
    "waitlist.over": N_("You are no longer on a waitlist, because its dates are over."),
    "appointment.schedule_changed": N_("The clinic changed its hours. Please look at your visit."),
    "emergency.accepted": N_("A doctor accepted your call for help."),
    "emergency.expired": N_("No doctor could accept your call for help. Please call the emergency number."),
    "emergency.opened": N_("Somebody calls for help."),
    "emergency.unanswered": N_("Somebody calls for help and no doctor has accepted yet."),
    "repair.offered": N_("Your visit cannot take place as booked. Please choose how it goes on."),
    "repair.accept": N_("A patient has accepted what was offered."),
    "repair.decline": N_("A patient does not want what was offered."),
    "repair.withdraw": N_("An offer to a patient was taken back."),
    "video.created": N_("A visit by video was arranged."),
    "prescription.issued": N_("Your doctor has prescribed something for you."),
    "prescription.cancelled": N_("Your doctor has cancelled a prescription."),
    "refill.requested": N_("A patient asks for more of a medicine."),
    "refill.approved": N_("Your request for more of a medicine has been approved."),
    "refill.declined": N_("Your doctor has answered your request for more of a medicine."),
    "prescription.dispensed": N_("A pharmacy gave out medicines of your prescription."),
    "prescription.dispense_undone": N_("A pharmacy took back what it had given out of your prescription."),
    "clinic.doctor_added": N_("You were added to a clinic."),
}


class Notification(msgspec.Struct, frozen=True):
    """One line of somebody's list; `link` is the page that tells more, `read_at` is None until it was seen."""

    id: UUID
    kind: str
    link: str
    created_at: datetime
    read_at: datetime | None

    @property
    def text(self) -> str:
        return _(TEXTS.get(self.kind, N_("Something changed.")))


class ReadResult(msgspec.Struct, frozen=True):
    """How many lines were new until now."""

    read: int


class Mail(msgspec.Struct, frozen=True):
    """One mail as it would be sent."""

    id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
