"""Who may do what with a recording: the two who met, and nobody else."""

from portal.accounts.schemas import Actor
from portal.video.schemas import VideoSession


def may_start(actor: Actor, session: VideoSession) -> bool:
    """The doctor of the visit."""
    return actor.id == session.doctor_id


def is_offered(provider: str | None, storage: str, days: int) -> bool:
    """Whether this portal records: not without a retention, and what a provider records goes to S3."""
    return days > 0 and (provider != "chime" or bool(storage))
