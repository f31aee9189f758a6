"""Reads of prescriptions, always through the actor; each look by anybody but the patient is audited."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts import tokens
from portal.accounts.schemas import Actor, Role
from portal.appointments.queries import parties_of
from portal.audit.actions import record_read
from portal.errors import NotFound
from portal.people.queries import is_own_patient
from portal.prescriptions import keys
from portal.prescriptions.numbers import read_code
from portal.prescriptions.schemas import (
    History,
    HistoryEntry,
    Prescription,
    PrescriptionList,
    ShownItem,
    Verified,
)
from portal.prescriptions.statements import COLUMNS, FROM

# $1 is the actor, $2 their pharmacy.
_OWN = {
    Role.PATIENT: " WHERE p.patient_id = $1 AND ($2::uuid IS NULL OR true)",
    Role.DOCTOR: " WHERE p.doctor_id = $1 AND ($2::uuid IS NULL OR true)",
    Role.PHARMACY: " WHERE ($1::uuid IS NOT NULL) AND EXISTS (SELECT FROM prescription_access x"
    " WHERE x.prescription_id = p.id AND x.pharmacy_id = $2 AND x.ended_at IS NULL)",
}
_ONE = {role: "SELECT" + COLUMNS + FROM + own + " AND p.id = $3" for role, own in _OWN.items()}
_FILTER = """
    AND ($3::uuid IS NULL OR p.patient_id = $3) AND ($4::uuid IS NULL OR p.doctor_id = $4)
    AND ($5::uuid IS NULL OR p.appointment_id = $5) AND (NOT $6 OR p.status IN ('ACTIVE', 'PARTIALLY_FILLED')
        AND p.valid_until > clock_timestamp())
"""
_LIST = {
    role: "SELECT count(*) OVER () AS total, " + COLUMNS + FROM + own + _FILTER
    + " ORDER BY p.issued_at DESC, p.id DESC LIMIT $7 OFFSET $8"
    for role, own in _OWN.items()
}  # fmt: skip
_COUNT = {role: "SELECT count(*) FROM prescription p" + own + _FILTER for role, own in _OWN.items()}
_HISTORY = """
SELECT h.at, h.actor_id, h.from_status AS "from", h.to_status AS "to", h.reason FROM prescription_history h
WHERE h.prescription_id = $1 ORDER BY h.at, h.id
"""
_CONTENT = {
    role: "SELECT p.content, p.code, p.issued_at, p.valid_until, p.time_zone, p.language, p.content_hash, p.signature,"
    " p.key_id, p.patient_id, p.status FROM prescription p" + own + " AND p.id = $3"
    for role, own in _OWN.items()
}  # fmt: skip
_KEYS = "SELECT id, public_key FROM prescription_key"


def prescription_of(row: Any, actor: Actor) -> Prescription:
    """A row as this actor may see it: what was said in the consulting room is not for the counter."""
    signed = (row[name] for name in ("code", "issued_at", "valid_until", "content_hash", "key_id", "signature"))
    link = tokens.absolute("/rx/" + keys.token(*signed))
    values = {name: row[name] for name in Prescription.__struct_fields__ if name != "link"}
    if actor.role is Role.PHARMACY:
        values |= {"warnings": [], "appointment_id": None}
    return msgspec.convert({**values, "link": link}, Prescription, strict=False)


async def get_prescription(actor: Actor, prescription_id: UUID) -> Prescription:
    """One prescription of the actor's. Raises `NotFound`."""
    found = await one_of(actor, prescription_id)
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "prescription.read", subject_type="prescription", subject_id=prescription_id, patient_id=found.patient_id
        )  # fmt: skip
    return found


async def one_of(actor: Actor, prescription_id: UUID) -> Prescription:
    """The same as the answer to a step of the actor's own, which is audited as such. Raises `NotFound`."""
    sql = _ONE.get(actor.role)
    row = await db.fetch_row(sql, actor.id, actor.pharmacy_id, prescription_id) if sql else None
    if row is None:
        raise NotFound
    return prescription_of(row, actor)


async def list_prescriptions(
    actor: Actor,
    *,
    patient_id: UUID | None = None,
    doctor_id: UUID | None = None,
    appointment_id: UUID | None = None,
    only_open: bool = False,
    skip: int = 0,
    limit: int = 10,
) -> PrescriptionList:
    """The actor's own, latest first; a look by anybody but the patient is one row of the audit. Raises `NotFound`."""
    sql = _LIST.get(actor.role)
    if sql is None:
        raise NotFound
    asked = (actor.id, actor.pharmacy_id, patient_id, doctor_id, appointment_id, only_open)
    rows = await db.fetch(sql, *asked, limit, skip)
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT[actor.role], *asked) if skip else 0
    if actor.role is not Role.PATIENT:
        whose = rows[0]["patient_id"] if appointment_id and rows else patient_id
        await record_read(
            actor, "prescriptions.listed", subject_type="prescriptions", subject_id=actor.id, patient_id=whose
        )
    found = [prescription_of(row, actor) for row in rows]
    return PrescriptionList(total=total, skip=skip, limit=limit, prescriptions=found)


async def of_patient(actor: Actor, patient_id: UUID, skip: int = 0, limit: int = 10) -> PrescriptionList:
    """Those of a patient that are the actor's too. Raises `NotFound` for somebody else's patient."""
    if actor.role is Role.PATIENT and actor.id != patient_id:
        raise NotFound
    if actor.role is Role.DOCTOR and not await is_own_patient(actor, patient_id):
        raise NotFound
    found = await list_prescriptions(actor, patient_id=patient_id, skip=skip, limit=limit)
    return _some(actor, found)


async def of_doctor(actor: Actor, doctor_id: UUID, skip: int = 0, limit: int = 10) -> PrescriptionList:
    """Those that a doctor issued: the doctor's all, others' own among them. Raises `NotFound`."""
    if actor.role is Role.DOCTOR and actor.id != doctor_id:
        raise NotFound
    found = await list_prescriptions(actor, doctor_id=doctor_id, skip=skip, limit=limit)
    return found if actor.id == doctor_id or found.total else _some(actor, found, needed=True)


async def of_appointment(actor: Actor, appointment_id: UUID, skip: int = 0, limit: int = 10) -> PrescriptionList:
    """Those of one visit, for its parties, and for pharmacies what they may see of it. Raises `NotFound`."""
    if actor.role is not Role.PHARMACY:
        await parties_of(actor, appointment_id)
    found = await list_prescriptions(actor, appointment_id=appointment_id, skip=skip, limit=limit)
    return _some(actor, found)


def _some(actor: Actor, found: PrescriptionList, needed: bool = False) -> PrescriptionList:
    """To a pharmacy, a person or visit of which it holds no prescription does not exist."""
    if (actor.role is Role.PHARMACY or needed) and not found.total:
        raise NotFound
    return found


async def read_history(actor: Actor, prescription_id: UUID) -> History:
    """Every step of a prescription, oldest first; audited as a read. Raises `NotFound`."""
    await get_prescription(actor, prescription_id)
    return await history_of(prescription_id)


async def history_of(prescription_id: UUID) -> History:
    """The steps of a prescription that the actor has just opened."""
    rows = await db.fetch(_HISTORY, prescription_id)
    return History(
        history=[
            HistoryEntry(at=r["at"], actor_id=r["actor_id"], from_=r["from"], to=r["to"], reason=r["reason"])
            for r in rows
        ]
    )


async def paper(actor: Actor, prescription_id: UUID) -> bytes:
    """The typeset page, in the patient's language. Raises `NotFound`; never what was not signed."""
    sql = _CONTENT.get(actor.role)
    row = await db.fetch_row(sql, actor.id, actor.pharmacy_id, prescription_id) if sql else None
    if row is None:
        raise NotFound
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "prescription.read", subject_type="prescription", subject_id=prescription_id, patient_id=row["patient_id"]
        )  # fmt: skip
    signed = (row[name] for name in ("code", "issued_at", "valid_until", "content_hash", "key_id", "signature"))
    link = tokens.absolute("/rx/" + keys.token(*signed))
    return await asyncio.to_thread(_typeset, row["content"], link, row["language"], row["time_zone"])


def _typeset(*given: str) -> bytes:
    from portal.prescriptions import papers  # in the thread: loading its library takes a moment

    return papers.typeset(*given)


async def known_keys() -> dict[str, bytes]:
    """The public keys that prescriptions were signed with, and the one that signs now."""
    public = keys.public_key()
    stored = {row["id"]: bytes(row["public_key"]) for row in await db.fetch(_KEYS, public=True)}
    return {keys.key_id(public): public, **stored}


async def published_keys() -> dict[str, list[dict[str, str]]]:
    """The same as a JWK set, for whoever checks a QR code by themselves."""
    return {"keys": [keys.jwk(public) for public in (await known_keys()).values()]}


async def verify(text: str) -> Verified:
    """What anybody may know of a code or a signed link: whether it is genuine, its dates, and what is left."""
    payload = keys.read_token(text, await known_keys())
    code = payload.code if payload else read_code(text)
    row = await db.fetch_row("SELECT * FROM prescription_shown($1)", code) if code else None
    if row is None or (payload and bytes(row["content_hash"]) != keys.digest_of(payload)):
        return Verified(authentic=False)
    shown = ("code", "status", "issued_at", "valid_until", "time_zone")
    items = [_shown(one, named=payload is not None) for one in row["items"]]
    return Verified(authentic=True, items=items, **{name: row[name] for name in shown})


def _shown(one: dict[str, Any], named: bool) -> ShownItem:
    hidden = {} if named else {"drug_name": None, "strength": None}
    return msgspec.convert({**one, **hidden}, ShownItem, strict=False)
