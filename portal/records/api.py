"""Patients' records as JSON."""

from uuid import UUID

from litestar import get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.records import actions, queries
from portal.records.schemas import AccessLog, Record, RecordChange
from portal.web.guards import SIGNED_IN, roles
from portal.web.query import Limit, Skip

READERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)


@get("/api/patients/{patient_id:uuid}", access=READERS, tags=["Profiles"])
async def detail(actor: NamedDependency[Actor], patient_id: FromPath[UUID]) -> Record:
    """A patient's record. Each look leaves a row that the patient can see."""
    return await queries.record(actor, patient_id)


@patch("/api/patients/{patient_id:uuid}", access=READERS, tags=["Profiles"])
async def change(actor: NamedDependency[Actor], patient_id: FromPath[UUID], data: JSONBody[RecordChange]) -> Record:
    """Change a record; with the `version` that was read, never over somebody else's change."""
    return await actions.change_record(actor, patient_id, data)


@get("/api/me/access-log", access=SIGNED_IN, tags=["Administration"])
async def access_log(actor: NamedDependency[Actor], skip: Skip = 0, limit: Limit = 10) -> AccessLog:
    """Who opened or changed your record, when and why."""
    return await queries.access_log(actor, skip, limit)


handlers = [detail, change, access_log]
