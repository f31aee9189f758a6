"""What stands in a patient's access log, in words: what somebody did, and what entitles them to it."""

from uuid import UUID

from portal.audit.schemas import BY_ROLE, Grounds
from portal.records.schemas import AccessRow
from portal.web.i18n import N_, _

ACTS = {
    "record.read": N_("Opened the record"),
    "record.changed": N_("Changed the record"),
    "profile.read": N_("Opened the profile"),
    "profile.changed": N_("Changed the profile"),
    "patient.found_by_contact": N_("Found you by your address or number"),
    "audit.searched": N_("Searched the audit"),
    "user.admit": N_("Wrote you down as a patient"),
    "slot.hold": N_("Kept a time"),
    "slot.release": N_("Gave a time back"),
    "appointment.read": N_("Opened a visit"),
    "appointment.history_read": N_("Opened a visit"),
    "appointments.listed": N_("Listed your visits"),
    "appointment.booked": N_("Booked"),
    "appointment.confirmed": N_("Confirmed"),
    "appointment.checked_in": N_("Checked in"),
    "appointment.called": N_("Called to the visit"),
    "appointment.missed_call": N_("Noted a missed call"),
    "appointment.started": N_("The visit began"),
    "appointment.completed": N_("The visit ended"),
    "appointment.cancelled": N_("Cancelled"),
    "appointment.rescheduled": N_("Moved to another time"),
    "appointment.no_show": N_("The patient did not come"),
    "appointment.referred": N_("Referred to another doctor"),
    "appointment.followed_up": N_("Booked a follow-up visit"),
    "queue.walk_in": N_("Took you into the queue"),
    "queue.called": N_("Called to the visit"),
    "queue.called_again": N_("Called to the visit"),
    "queue.urgent": N_("Put you first in the queue"),
    "notes.read": N_("Opened the notes of a visit"),
    "notes.history_read": N_("Opened the notes of a visit"),
    "notes.past_read": N_("Opened the notes of earlier visits"),
    "notes.changed": N_("Wrote notes of a visit"),
    "notes.amended": N_("Wrote notes of a visit"),
    "message.sent": N_("Sent a message"),
    "messages.read": N_("Read the messages of a visit"),
    "file.sent": N_("Sent a file"),
    "file.read": N_("Opened a file of a visit"),
    "files.listed": N_("Listed the files of a visit"),
    "video.created": N_("Arranged a visit by video"),
    "video.read": N_("Opened a visit by video"),
    "video.listed": N_("Listed your visits by video"),
    "video.joined": N_("Joined a visit by video"),
    "video.left": N_("Left a visit by video"),
    "video.completed": N_("Ended a visit by video"),
    "video.cancelled": N_("Called off a visit by video"),
    "video.noted": N_("Wrote notes of a visit by video"),
    "video.expelled": N_("Was shut out of a visit by video"),
    "video.no_show": N_("A visit by video did not take place"),
    "recording.consent": N_("Agreed to a recording"),
    "recording.withdraw": N_("No longer agreed to a recording"),
    "recording.start": N_("Began to record"),
    "recording.stop": N_("Stopped recording"),
    "recording.read": N_("Opened a recording"),
    "recording.kept": N_("Kept a recording"),
    "recording.deleted": N_("Deleted a recording"),
    "prescription.read": N_("Opened a prescription"),
    "prescription.pdf": N_("Opened a prescription"),
    "prescriptions.listed": N_("Listed your prescriptions"),
    "prescription.checked": N_("Checked a prescription"),
    "prescription.issued": N_("Wrote a prescription"),
    "prescription.cancelled": N_("Cancelled a prescription"),
    "prescription.expired": N_("A prescription is no longer valid"),
    "prescription.sent": N_("Sent a prescription to a pharmacy"),
    "prescription.opened": N_("Opened a prescription by its code"),
    "prescription.dispensed": N_("Gave out medicines"),
    "prescription.filled": N_("Gave out medicines"),
    "prescription.partially_filled": N_("Gave out medicines"),
    "prescription.dispense_undone": N_("Took medicines back"),
    "refill.requested": N_("Asked for more of a medicine"),
    "refill.read": N_("Opened a request for more of a medicine"),
    "refills.listed": N_("Listed requests for more of a medicine"),
    "refill.approved": N_("Answered a request for more of a medicine"),
    "refill.declined": N_("Answered a request for more of a medicine"),
    "emergency.opened": N_("Called for help"),
    "emergency.read": N_("Opened a call for help"),
    "emergency.accepted": N_("Accepted a call for help"),
    "emergency.escalated": N_("Opened a call for help to more doctors"),
    "emergency.resolved": N_("Ended a call for help"),
    "emergency.cancelled": N_("Ended a call for help"),
    "emergency.expired": N_("Nobody could accept a call for help"),
    "repair.offer": N_("Offered something else for a visit"),
    "repair.withdraw": N_("Took an offer for a visit back"),
    "repair.accept": N_("Accepted an offer for a visit"),
    "repair.decline": N_("Declined an offer for a visit"),
    "repair.video": N_("Made a visit one by video"),
    "waitlist.joined": N_("Joined a waitlist"),
    "waitlist.over": N_("A place on the waitlist ended with its dates"),
    "waitlist.left": N_("Left a waitlist"),
    "waitlist.accepted": N_("Took a time from the waitlist"),
    "waitlist.declined": N_("Declined a time from the waitlist"),
    "waitlist.offered": N_("Offered a time from the waitlist"),
}

GROUNDS = {
    Grounds.DOCTOR: N_("A doctor who treats you"),
    Grounds.CLINIC: N_("A clinic where you have a visit"),
    Grounds.PHARMACY: N_("A pharmacy that was given your prescription"),
    Grounds.HELPER: N_("You called for help"),
    Grounds.CONTACT: N_("Knew your address or number, to book for you"),
    Grounds.OPERATOR: N_("System administration"),
}


def act(action: str) -> str:
    """What was done; never the name that programs have for it."""
    return _(ACTS.get(action, N_("Something else")))


def why(row: AccessRow, reader_id: UUID) -> str:
    """What entitled somebody to it: as it was written down with a read, or else by their role.

    Other reasons in the audit are codes for programs, of refusals.
    """
    if row.actor_id is None:
        return _("Done by the portal itself")
    if row.actor_id == reader_id:
        return _("Your own data")
    if row.outcome != "OK":
        return _("Refused: nothing was shown or changed")
    noted = next((one for one in Grounds if one == row.reason), None)
    return _(GROUNDS[noted or BY_ROLE.get(row.actor_role or "", Grounds.OPERATOR)])
