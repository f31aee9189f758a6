"""The audit as pages and API show it."""

from datetime import datetime
from uuid import UUID

import msgspec


class AuditRow(msgspec.Struct, frozen=True):
    """One thing that somebody did; `actor_name` is None for the system itself and for visitors."""

    at: datetime
    actor_id: UUID | None
    actor_role: str | None
    actor_name: str | None
    action: str
    outcome: str
    subject_type: str
    subject_id: str
    patient_id: UUID | None
    reason: str | None


class Break(msgspec.Struct, frozen=True):
    """The first row of a chain that is not what was written: changed, removed, put in or moved."""

    chain: int
    seq: int


class ChainCheck(msgspec.Struct, frozen=True):
    """Whether every chain is whole, how many rows were walked, and where each broken chain first breaks."""

    whole: bool
    rows: int
    breaks: list[Break]


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; `since` and `until` are instants, the latter excluded."""

    actor_id: UUID | None = None
    patient_id: UUID | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
