"""What other domains do when somebody changes a time zone: they register here, as accounts and clinics know none of them."""

from collections.abc import Awaitable, Callable
from uuid import UUID

FollowZone = Callable[[UUID | None, UUID | None], Awaitable[None]]

_followers: list[FollowZone] = []


def follow_zones(follow: FollowZone) -> FollowZone:
    """Have this called, with the clinic or the person whose clock it is, in the transaction that sets it."""
    _followers.append(follow)
    return follow


async def zone_changed_in_tx(*, clinic_id: UUID | None = None, account_id: UUID | None = None) -> None:
    """The clock of a clinic, or of a person, shows another time from now on."""
    for follow in _followers:
        await follow(clinic_id, account_id)
