"""What even a system admin may not do."""

from uuid import UUID

from portal.accounts.schemas import Actor


def may_suspend(actor: Actor, account_id: UUID) -> bool:
    """Nobody locks themselves out."""
    return actor.id != account_id
