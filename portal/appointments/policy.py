"""Who may do what with an appointment. Whose it is, the statements themselves see to."""

from uuid import UUID

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.appointments.transitions import MOVES

STAFF = frozenset({Role.DOCTOR, Role.CLINIC_ADMIN})
BOOKERS = STAFF | {Role.PATIENT}


def may_book(actor: Actor, patient_id: UUID | None) -> bool:
    """Patients for themselves; doctors and clinic admins for patients, within their own slots and clinics."""
    if actor.role is Role.PATIENT:
        return patient_id in (None, actor.id)
    return actor.role in STAFF


def may_move(actor: Actor, action: str) -> bool:
    """Whether this role ever makes this move, in whatever state."""
    return actor.role in MOVES[action].sources


def moves_now(actor: Actor, appointment: Appointment) -> list[str]:
    """What this actor may do with this appointment as it stands: its buttons."""
    return [
        action
        for action, move in MOVES.items()
        if appointment.status in move.sources.get(actor.role, ())
        and not (action == "confirm" and appointment.confirmed_at is not None)
    ]


def may_see(actor: Actor, appointment: Appointment) -> bool:
    """The two parties, the admins of its clinic, and system admins."""
    if actor.role is Role.CLINIC_ADMIN:
        return appointment.clinic_id in actor.clinic_ids
    return actor.role is Role.SYSTEM_ADMIN or actor.id in (appointment.patient_id, appointment.doctor_id)
