"""Conversations: what patients and doctors have written to each other around their visits."""

from portal import db
from portal.demo.people import Cast

ASTHMA = (
    "P Good morning. Shall I bring my old inhaler, or is the new one enough?",
    "D Please have both at hand, and the peak-flow diary if you kept one.",
    "P I did, since the first of the month.\nThe evenings are the worst.",
    "D Thank you, that helps. Until then two puffs before you go to bed.",
)
QUESTIONS = (
    "P May I eat before the visit?",
    "P I may be ten minutes late: the bus.",
    "P I forgot to say: I am allergic to penicillin.",
)

# $1 the visit, $2 the lines, each with P or D in front: the patient's last ones may not have been read yet
TALK = """
WITH visit AS (
    SELECT a.* FROM appointment a WHERE a.id = $1
), lines AS (
    SELECT l.text, l.number::int AS number FROM unnest($2::text[]) WITH ORDINALITY AS l (text, number)
), begun AS (
    INSERT INTO conversation (appointment_id, last_number, patient_read, doctor_read, doctor_unread)
    SELECT v.id, most, most, answered, most - answered FROM visit v, (SELECT max(number) AS most,
        coalesce(max(number) FILTER (WHERE text LIKE 'D %'), 0) AS answered FROM lines) l
)
INSERT INTO message (id, appointment_id, number, sender_id, client_id, body, sent_at)
SELECT new_id(), v.id, l.number, CASE WHEN l.text LIKE 'D %' THEN v.doctor_id ELSE v.patient_id END,
    new_id(), substr(l.text, 3), least(v.starts_at, clock_timestamp()) - make_interval(hours => 30 - l.number)
FROM visit v, lines l
"""
OWN = "SELECT id FROM appointment WHERE patient_id = $1 AND doctor_id = $2 AND status = $3 ORDER BY starts_at LIMIT 1"
TODAY = """
SELECT id FROM appointment WHERE doctor_id = $1 AND patient_id <> $2 AND status IN ('BOOKED', 'CHECKED_IN')
    AND starts_at > clock_timestamp() - interval '1 hour' ORDER BY starts_at LIMIT $3
"""


async def make_in_tx(cast: Cast) -> None:
    """The demo patient with the demo doctor, and a few questions that the doctor has not answered yet."""
    visit = await db.fetch_value(OWN, cast.demo_patient, cast.demo_doctor.id, "BOOKED")
    await db.execute(TALK, visit, ASTHMA)
    for row, question in zip(
        await db.fetch(TODAY, cast.demo_doctor.id, cast.demo_patient, len(QUESTIONS)), QUESTIONS, strict=False
    ):
        await db.execute(TALK, row["id"], [question])
