"""What a doctor writes down of a visit, as it comes in and goes out."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from portal.appointments.schemas import AppointmentType
from portal.web.decode import Input
from portal.web.types import Text

LONGEST = 20_000
LONGEST_DIAGNOSIS = 2_000
Version = Annotated[int, Meta(ge=0, le=2_000_000_000)]
TEXTS = ("private_notes", "patient_summary", "diagnosis")


class Notes(Struct, frozen=True, kw_only=True):
    """The notes of a visit as they stand: `version` 0 says that nothing has been written yet."""

    appointment_id: UUID
    version: int = 0
    private_notes: str = ""
    patient_summary: str = ""
    diagnosis: str = ""
    share_diagnosis: bool = False
    changed_at: datetime | None = None
    changed_by: UUID | None = None

    def holds(self, changes: dict[str, Any]) -> bool:
        """Whether all of this stands here already."""
        return all(getattr(self, name) == value for name, value in changes.items())


class NotesChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is. `version` is the one that was read, 0 before the first: when another has been
    written since, nothing is stored and the answer is 409 with the text as it is now.

    `patient_summary` is what the patient reads once the visit is over, and `diagnosis` with it if `share_diagnosis`.
    """

    version: Version
    private_notes: Annotated[str, Text(LONGEST, 0)] | UnsetType = UNSET
    patient_summary: Annotated[str, Text(LONGEST, 0)] | UnsetType = UNSET
    diagnosis: Annotated[str, Text(LONGEST_DIAGNOSIS, 0)] | UnsetType = UNSET
    share_diagnosis: bool | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        sent = {name: getattr(self, name) for name in (*TEXTS, "share_diagnosis")}
        return {name: value for name, value in sent.items() if value is not UNSET}


class NotesForm(Input, frozen=True, kw_only=True):
    """The form of the visit's page; it always holds everything."""

    version: Version
    private_notes: Annotated[str, Text(LONGEST)] | None = None
    patient_summary: Annotated[str, Text(LONGEST)] | None = None
    diagnosis: Annotated[str, Text(LONGEST_DIAGNOSIS)] | None = None
    share_diagnosis: bool = False

    def change(self) -> NotesChange:
        return NotesChange(
            version=self.version,
            private_notes=self.private_notes or "",
            patient_summary=self.patient_summary or "",
            diagnosis=self.diagnosis or "",
            share_diagnosis=self.share_diagnosis,
        )


class NotesVersion(Struct, frozen=True, kw_only=True):
    """One version of the notes; `amended` when the visit was over already."""

    version: int
    private_notes: str
    patient_summary: str
    diagnosis: str
    share_diagnosis: bool
    amended: bool
    changed_at: datetime
    changed_by: UUID | None


class NotesHistory(Struct, frozen=True, kw_only=True):
    """Versions of the notes, the latest first."""

    total: int
    skip: int
    limit: int
    versions: list[NotesVersion]


class PastVisit(Struct, frozen=True, kw_only=True):
    """An earlier visit of the same patient with the same doctor, and what was written of it."""

    appointment_id: UUID
    start_time: datetime
    time_zone: str
    appointment_type: AppointmentType
    chief_complaint: str
    private_notes: str
    patient_summary: str
    diagnosis: str


class PastVisits(Struct, frozen=True, kw_only=True):
    visits: list[PastVisit]
