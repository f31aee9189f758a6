"""Who may do what with a video session. Whose it is, the statements themselves see to as well."""

from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.video.schemas import NewVideoSession, VideoSession

# From where a session may be cancelled: before the two have met, by an admin also while they talk.
BEFORE = ("SCHEDULED", "WAITING")
CANCELLABLE = {
    Role.PATIENT: BEFORE,
    Role.DOCTOR: BEFORE,
    Role.CLINIC_ADMIN: (*BEFORE, "ACTIVE"),
    Role.SYSTEM_ADMIN: (*BEFORE, "ACTIVE"),
}


def may_see(actor: Actor, session: VideoSession) -> bool:
    """The two who meet, and system admins, who see neither reason nor notes."""
    return actor.role is Role.SYSTEM_ADMIN or is_party(actor, session)


def is_party(actor: Actor, session: VideoSession) -> bool:
    """The two who meet, and nobody else."""
    return actor.id in (session.doctor_id, session.patient_id)


def may_create(actor: Actor, new: NewVideoSession) -> bool:
    """Patients for themselves, doctors with themselves, clinic admins for their clinics, system admins."""
    if actor.status is not AccountStatus.ACTIVE:
        return False
    if actor.role is Role.CLINIC_ADMIN:
        return new.clinic_id in actor.clinic_ids
    return {
        Role.PATIENT: new.patient_id == actor.id,
        Role.DOCTOR: new.doctor_id == actor.id,
        Role.SYSTEM_ADMIN: True,
    }.get(actor.role, False)


def may_cancel(actor: Actor, session: VideoSession) -> bool:
    """The two, an admin of the clinic, and system admins."""
    if actor.role is Role.CLINIC_ADMIN:
        return session.clinic_id in actor.clinic_ids
    return may_see(actor, session)
