"""Prescriptions as JSON."""

from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.prescriptions import actions, queries
from portal.prescriptions.pages import count_tries, pdf_response
from portal.prescriptions.schemas import (
    History,
    NewPrescription,
    Prescription,
    PrescriptionList,
    Sending,
    StatusChange,
    Verified,
    Warnings,
)
from portal.web.guards import ANYBODY, PUBLIC, roles
from portal.web.i18n import _
from portal.web.query import Limit, Skip

DOCTOR = roles(Role.DOCTOR)
PATIENT = roles(Role.PATIENT)
READERS = roles(Role.PATIENT, Role.DOCTOR, Role.PHARMACY)
ONE = "/api/prescriptions/{prescription_id:uuid}"
TAGS = ["Prescriptions"]


@post("/api/prescriptions", access=DOCTOR, tags=TAGS)
async def issue(actor: NamedDependency[Actor], data: JSONBody[NewPrescription]) -> Prescription:
    """Sign a prescription in a visit of yours. Warnings without a reason are a 409 `needs_acknowledgement` that lists them."""
    return await actions.issue(actor, data)


@post("/api/prescriptions/check", access=DOCTOR, status_code=200, tags=TAGS)
async def check(actor: NamedDependency[Actor], data: JSONBody[NewPrescription]) -> Warnings:
    """What you would be warned of; nothing is issued."""
    return Warnings(await actions.check(actor, data))


@get(ONE, access=READERS, tags=TAGS)
async def detail(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Prescription:
    """One prescription: for its patient and doctor, and for pharmacies that it was sent to or that opened it."""
    return await queries.get_prescription(actor, prescription_id)


@get(ONE + "/history", access=READERS, tags=TAGS)
async def history(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> History:
    """Every change of its status, oldest first."""
    return await queries.read_history(actor, prescription_id)


@get("/api/prescriptions/appointment/{appointment_id:uuid}", access=READERS, tags=TAGS)
async def of_appointment(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> PrescriptionList:
    """Those of one visit, latest first."""
    return await queries.of_appointment(actor, appointment_id, skip, limit)


@get("/api/prescriptions/doctor/{doctor_id:uuid}", access=READERS, tags=TAGS)
async def of_doctor(
    actor: NamedDependency[Actor], doctor_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> PrescriptionList:
    """Those that a doctor issued, as far as they are yours, latest first."""
    return await queries.of_doctor(actor, doctor_id, skip, limit)


@get("/api/prescriptions/patient/{patient_id:uuid}", access=READERS, tags=TAGS)
async def of_patient(
    actor: NamedDependency[Actor], patient_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> PrescriptionList:
    """Those of a patient, as far as they are yours, latest first."""
    return await queries.of_patient(actor, patient_id, skip, limit)


@put(ONE, access=DOCTOR, tags=TAGS)
async def change_status(
    actor: NamedDependency[Actor], prescription_id: FromPath[UUID], data: JSONBody[StatusChange]
) -> Prescription:
    """Cancel a prescription of yours: CANCELLED is the only status that is given by hand."""
    return await actions.cancel(actor, prescription_id, data.reason or _("Cancelled by the doctor"), data.status)


@delete(ONE, access=DOCTOR, tags=TAGS)
async def cancel(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> None:
    """Cancel a prescription of yours; it stays to be read."""
    await actions.cancel(actor, prescription_id, _("Cancelled by the doctor"))


@post(ONE + "/send", access=PATIENT, status_code=200, tags=TAGS)
async def send(actor: NamedDependency[Actor], prescription_id: FromPath[UUID], data: JSONBody[Sending]) -> Prescription:
    """Let a pharmacy see and fill it; one that it was sent to before sees it no more."""
    return await actions.send(actor, prescription_id, data.pharmacy_id)


@get(ONE + "/pdf", access=READERS, media_type="application/pdf", tags=TAGS)
async def pdf(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[bytes]:
    """The typeset page, in the patient's language."""
    return pdf_response(await queries.paper(actor, prescription_id))


@get("/api/rx/{code:str}", access=PUBLIC, tags=TAGS)
async def verify(request: Request, code: FromPath[str]) -> Verified:
    """Whether a code, or the signed token of a QR code, is genuine; its dates and what is left. Nobody's name."""
    await count_tries(request)
    return await queries.verify(code)


@get("/.well-known/prescription-keys.json", access=ANYBODY, tags=TAGS)
async def published_keys() -> Response[dict[str, list[dict[str, str]]]]:
    """The public keys of prescriptions as a JWK set: with them a QR code is checked without asking us."""
    return Response(await queries.published_keys(), headers={"Cache-Control": "public, max-age=300"})


handlers = [
    issue, check, detail, history, of_appointment, of_doctor, of_patient, change_status, cancel, send, pdf, verify,
    published_keys,
]  # fmt: skip
