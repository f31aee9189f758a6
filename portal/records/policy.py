"""Who may see and change a record. Whether somebody is a patient of theirs, `people.queries` knows."""

from uuid import UUID

from portal.accounts.schemas import Actor, Role


def may_open(actor: Actor, patient_id: UUID) -> bool:
    """The patient and system admins; the audit tells the patient of each look."""
    return actor.id == patient_id or actor.role is Role.SYSTEM_ADMIN


def may_treat(actor: Actor) -> bool:
    """Roles that open the records of the people who have an appointment with them."""
    return actor.role in (Role.DOCTOR, Role.CLINIC_ADMIN)
