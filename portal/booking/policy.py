"""Who may book for whom. Which slots they may book, the statements themselves see to."""

from uuid import UUID

from portal.accounts.schemas import Actor, Role

STAFF = frozenset({Role.DOCTOR, Role.CLINIC_ADMIN})


def may_book(actor: Actor, patient_id: UUID | None) -> bool:
    """Patients for themselves; doctors and clinic admins for patients, within their own slots and clinics."""
    if actor.role is Role.PATIENT:
        return patient_id in (None, actor.id)
    return actor.role in STAFF
