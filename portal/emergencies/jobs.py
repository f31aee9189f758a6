"""What the worker does for calls for help: who became available is alerted, what nobody accepts is escalated and ends."""

from uuid import UUID

from portal import db, live
from portal.emergencies import events, statements
from portal.outbox import Schedule
from portal.settings import Settings

ESCALATE_SECONDS = 60.0
EXPIRE_SECONDS = 600.0

WAITING = "SELECT id FROM emergency WHERE status = 'OPEN' ORDER BY created_at LIMIT 1000"
# $1 emergency (NULL: all that are due), $2 seconds after which a call is due
ESCALATE = """
WITH widened AS (
    UPDATE emergency SET escalated_at = clock_timestamp()
    WHERE status = 'OPEN' AND escalated_at IS NULL
        AND CASE WHEN $1::uuid IS NULL THEN created_at < clock_timestamp() - make_interval(secs => $2) ELSE id = $1 END
    RETURNING id, patient_id
), told AS (
    INSERT INTO emergency_history (emergency_id, from_status, to_status) SELECT id, 'OPEN', 'OPEN' FROM widened
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'emergency.escalated', 'emergency', id::text, patient_id FROM widened
)
SELECT id, patient_id FROM widened
"""
# The clinics of the patient's visits and of the doctors alerted so far; when there are none, every clinic.
CLINICS = """
WITH near AS (
    SELECT a.clinic_id FROM appointment a JOIN emergency e ON e.patient_id = a.patient_id
    WHERE e.id = $1 AND a.clinic_id IS NOT NULL
    UNION
    SELECT w.clinic_id FROM emergency_alert l JOIN clinic_doctor w ON w.doctor_id = l.doctor_id WHERE l.emergency_id = $1
), told AS (
    SELECT c.id FROM clinic c WHERE c.active AND (c.id IN (SELECT clinic_id FROM near) OR NOT EXISTS (SELECT FROM near))
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), m.account_id, 'emergency.unanswered', '/clinic'
    FROM (SELECT DISTINCT account_id FROM clinic_admin WHERE clinic_id IN (SELECT id FROM told)) m
)
SELECT id FROM told
"""
# $1 seconds, $2 how many. A visit that is over ends the call that opened it, if the doctor has not said so.
END = """
WITH due AS (
    SELECT e.id, e.status AS was, CASE e.status WHEN 'OPEN' THEN 'EXPIRED' ELSE 'RESOLVED' END AS becomes
    FROM emergency e LEFT JOIN appointment a ON a.id = e.appointment_id
    WHERE e.status = 'OPEN' AND e.created_at < clock_timestamp() - make_interval(secs => $1)
        OR e.status = 'ACCEPTED' AND a.status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW')
    ORDER BY e.created_at LIMIT $2 FOR NO KEY UPDATE OF e SKIP LOCKED
), ended AS (
    UPDATE emergency e SET status = due.becomes, ended_at = clock_timestamp()
    FROM due WHERE e.id = due.id AND e.status = due.was RETURNING e.*, due.was
), told AS (
    INSERT INTO emergency_history (emergency_id, from_status, to_status) SELECT id, was, status FROM ended
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'emergency.' || lower(status), 'emergency', id::text, patient_id FROM ended
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), patient_id, 'emergency.expired', '/emergencies' FROM ended WHERE status = 'EXPIRED'
)
SELECT id, patient_id, doctor_id FROM ended
"""
BATCH = 100


async def alert_in_tx(emergency_id: UUID) -> int:
    """Alert whoever should be and was not yet; how many. As the portal."""
    rows = await db.fetch(statements.ALERT, emergency_id)
    for row in rows:
        live.publish(f"user:{row['doctor_id']}", "emergency.opened", emergency_id=emergency_id)
    return len(rows)


async def escalate_in_tx(emergency_id: UUID | None, seconds: float = 0) -> int:
    """Widen one call, or all that nobody accepted in time, to every doctor; tell the clinics and the patient. As the portal."""
    rows = await db.fetch(ESCALATE, emergency_id, float(seconds))
    for row in rows:
        await alert_in_tx(row["id"])
        for clinic in await db.fetch(CLINICS, row["id"]):
            live.publish(f"clinic:{clinic['id']}", "emergency.unanswered", emergency_id=row["id"])
        events.publish("emergency.escalated", row["id"], row["patient_id"])
    return len(rows)


async def look_after(_settings: Settings) -> None:
    """One round: end what is over, widen what waits for a minute, alert who has become available."""
    async with db.transaction():
        for row in await db.fetch(END, EXPIRE_SECONDS, BATCH):
            events.publish("emergency.ended", row["id"], row["patient_id"], row["doctor_id"])
    async with db.transaction():
        await escalate_in_tx(None, ESCALATE_SECONDS)
    for row in await db.fetch(WAITING):
        async with db.transaction():
            if await alert_in_tx(row["id"]):
                events.publish("emergency.opened", row["id"])


SCHEDULES = [Schedule("look_after_emergencies", "* * * * * */10", look_after)]
