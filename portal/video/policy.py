"""Who may see a video session."""

from portal.accounts.schemas import Actor, Role
from portal.video.schemas import VideoSession


def may_see(actor: Actor, session: VideoSession) -> bool:
    """The two who meet, and system admins, who see neither reason nor notes."""
    return actor.role is Role.SYSTEM_ADMIN or actor.id in (session.doctor_id, session.patient_id)
