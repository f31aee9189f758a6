"""The profile that an account begins with: one small row for its role, and the place that it says it belongs to.

A clinic or pharmacy named here is inactive, shown to nobody, until a system admin has verified the account.
"""

from uuid import UUID

from portal import db
from portal.accounts.schemas import Role
from portal.errors import FieldError, Invalid
from portal.ids import uuid7
from portal.registration.schemas import NewAccount
from portal.web.i18n import _

PATIENT = "INSERT INTO patient (account_id, date_of_birth, sex, address) VALUES ($1, $2, $3, $4)"

DOCTOR = """
INSERT INTO doctor (account_id, specialty_id, licence_number, title, bio, qualifications, languages,
                    years_of_experience, consultation_fee, currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

CLINIC = """
WITH made AS (
    INSERT INTO clinic (id, name, city, country, time_zone, active) VALUES ($1, $2, $3, $4, $5, false) RETURNING id
)
INSERT INTO clinic_admin (clinic_id, account_id) SELECT id, $6 FROM made
"""

PHARMACY = "INSERT INTO pharmacy (id, name, licence_number, time_zone, active) VALUES ($1, $2, $3, $4, false)"

PHARMACIST = "INSERT INTO pharmacist (account_id, pharmacy_id, licence_number) VALUES ($1, $2, $3)"

KNOWN_SPECIALTY = "SELECT EXISTS (SELECT FROM specialty WHERE id = $1 AND active)"
KNOWN_PHARMACY = "SELECT EXISTS (SELECT FROM pharmacy WHERE id = $1 AND active)"


async def refuse_unknown_references_in_tx(data: NewAccount) -> None:
    """Raises `Invalid` for a specialty or a pharmacy that does not exist."""
    problems = []
    if data.specialty_id and not await db.fetch_value(KNOWN_SPECIALTY, data.specialty_id):
        problems.append(FieldError("specialty_id", _("Choose a specialty from the list.")))
    if data.pharmacy_id and not await db.fetch_value(KNOWN_PHARMACY, data.pharmacy_id):
        problems.append(FieldError("pharmacy_id", _("We do not know this pharmacy.")))
    if problems:
        raise Invalid(problems)


async def create_profile_in_tx(account_id: UUID, data: NewAccount) -> None:
    """The row of the account's role."""
    match data.role:
        case Role.PATIENT:
            await db.execute(PATIENT, account_id, data.date_of_birth, data.sex, data.address or "")
        case Role.DOCTOR:
            await create_doctor_in_tx(account_id, data)
        case Role.CLINIC_ADMIN if data.clinic_name:
            place = (data.clinic_name, data.clinic_city or "", data.clinic_country or "", data.time_zone)
            await db.execute(CLINIC, uuid7(), *place, account_id)
        case Role.PHARMACY:
            await create_pharmacist_in_tx(account_id, data)


async def create_doctor_in_tx(account_id: UUID, data: NewAccount) -> None:
    await db.execute(
        DOCTOR,
        account_id,
        data.specialty_id,
        data.licence_number or "",
        data.title or "",
        data.bio or "",
        data.qualifications or "",
        data.languages,
        data.years_of_experience,
        data.fee,
        data.currency or "USD",
    )


async def create_pharmacist_in_tx(account_id: UUID, data: NewAccount) -> None:
    pharmacy_id = data.pharmacy_id
    if data.pharmacy_name:
        pharmacy_id = uuid7()
        await db.execute(PHARMACY, pharmacy_id, data.pharmacy_name, data.licence_number or "", data.time_zone)
    await db.execute(PHARMACIST, account_id, pharmacy_id, data.licence_number or "")
