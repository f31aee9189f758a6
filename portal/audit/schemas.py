"""The audit as pages and API show it."""

from datetime import datetime
from enum import StrEnum
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


class Grounds(StrEnum):
    """What entitles somebody to read a patient's data. It stands in the row of the read, as its reason."""

    DOCTOR = "TREATING_DOCTOR"  # of a visit of the patient's, or of the thing itself
    CLINIC = "CLINIC_OF_VISIT"
    PHARMACY = "GIVEN_PRESCRIPTION"  # it was sent there, or its code was shown
    HELPER = "CALLED_FOR_HELP"
    CONTACT = "KNEW_CONTACT"  # the whole address or number, to book for its owner
    OPERATOR = "SYSTEM_ADMINISTRATION"


BY_ROLE = {
    "DOCTOR": Grounds.DOCTOR,
    "CLINIC_ADMIN": Grounds.CLINIC,
    "PHARMACY": Grounds.PHARMACY,
    "SYSTEM_ADMIN": Grounds.OPERATOR,
}


class Harm(StrEnum):
    """What was done to a row, as far as the chain can tell."""

    CHANGED = "CHANGED"  # it is not what its hash says
    UNLINKED = "UNLINKED"  # the second does not follow the first: one of them was written anew or put in
    MISSING = "MISSING"  # it is gone from between others
    INSERTED = "INSERTED"  # it was put in
    CUT = "CUT"  # it is gone from the end
    REWRITTEN = "REWRITTEN"  # the chain was computed anew from one of these rows on: an anchor says otherwise


class Break(msgspec.Struct, frozen=True):
    """A row of a chain that is not what was written, or the rows from `seq` to `until` where it is several."""

    chain: int
    seq: int
    until: int
    harm: Harm


class ChainCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every chain is whole, how many rows were walked, and where each broken chain breaks (the first of it).

    `anchors` lines of `anchored_at` at the latest were compared; without any, a cut end and a chain that was computed
    anew do not show. `anchor_faults` are lines of anchor files that are not as they were written.
    """

    whole: bool
    rows: int
    breaks: list[Break]
    anchors: int = 0
    anchored_at: datetime | None = None
    anchor_faults: list[str] = []


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; `since` and `until` are instants, the latter excluded."""

    actor_id: UUID | None = None
    patient_id: UUID | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
