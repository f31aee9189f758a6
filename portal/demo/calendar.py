"""Sessions, slots from three weeks ago to the horizon, and appointments: past, today and to come."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal import clock, db
from portal.demo.people import Cast, Doctor
from portal.demo.places import World
from portal.ids import uuid7
from portal.slots.calendar import Hours, Plan, places_between
from portal.slots.schemas import ServiceType

WEEKS_BEHIND = 3
REASONS = (
    "Cough for two weeks", "Blood pressure check", "Results of the blood test", "Knee pain after running", "Rash on both arms",
    "Headache in the mornings", "Vaccination", "Trouble sleeping", "Renewal of a prescription", "Stomach ache", "",
)  # fmt: skip
LONG_DAY = [(time(8), time(12)), (time(13), time(18))]
SHIFTS = ((time(8), time(12)), (time(9), time(12, 30)), (time(13), time(17)), (time(15), time(18, 30)))

BOOK = """
INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, queue_position, starts_at, ends_at,
    time_zone, appointment_type, status, chief_complaint, consultation_fee, currency, booked_by, queue_rank, checked_in_at,
    actual_start_time, actual_end_time)
SELECT b.id, s.id, b.patient_id, s.doctor_id, s.clinic_id, s.session_id, s.date, s.position, s.starts_at, s.ends_at,
    s.time_zone, CASE s.service_type WHEN 'BOTH' THEN b.kind ELSE s.service_type END, b.status, b.reason, d.consultation_fee,
    d.currency, b.patient_id, CASE b.status WHEN 'CHECKED_IN' THEN s.position END,
    CASE WHEN b.status IN ('CHECKED_IN', 'IN_PROGRESS', 'COMPLETED')
        THEN least(s.starts_at - interval '12 minutes', clock_timestamp()) END,
    CASE WHEN b.status IN ('IN_PROGRESS', 'COMPLETED') THEN least(s.starts_at + interval '4 minutes', clock_timestamp()) END,
    CASE b.status WHEN 'COMPLETED' THEN s.ends_at + interval '2 minutes' END
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[])
    AS b (id, slot_id, patient_id, kind, status, reason)
JOIN slot s ON s.id = b.slot_id JOIN doctor d ON d.account_id = s.doctor_id
ON CONFLICT DO NOTHING
RETURNING id
"""
FOLLOW = (
    "UPDATE slot SET appointment_id = a.id FROM appointment a"
    " WHERE a.slot_id = slot.id AND a.status NOT IN ('CANCELLED', 'NO_SHOW')",
    "INSERT INTO appointment_history (appointment_id, at, actor_id, to_status)"
    " SELECT id, least(starts_at - interval '5 days', clock_timestamp()), patient_id, 'BOOKED' FROM appointment",
    "INSERT INTO appointment_history (appointment_id, at, actor_id, from_status, to_status)"
    " SELECT id, ends_at, doctor_id, 'BOOKED', status FROM appointment WHERE status <> 'BOOKED'",
    "INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, clinic_id, status,"
    " scheduled_start_time, scheduled_end_time, chief_complaint)"
    " SELECT new_id(), id, CASE WHEN clinic_id IS NULL THEN 'DIRECT_DOCTOR' ELSE 'CLINIC_BASED' END, doctor_id,"
    " patient_id, clinic_id, CASE WHEN status IN ('COMPLETED', 'NO_SHOW', 'CANCELLED') THEN status ELSE 'SCHEDULED' END,"
    " starts_at, ends_at, chief_complaint FROM appointment WHERE appointment_type = 'VIRTUAL'",
)
# What the demo doctor has written: the same few words for the same complaint.
NOTES = """
INSERT INTO visit_note (appointment_id, private_notes, patient_summary, diagnosis, share_diagnosis, changed_at, changed_by)
SELECT a.id, n.private_notes, n.patient_summary, n.diagnosis, true, a.actual_end_time - interval '1 minute', a.doctor_id
FROM appointment a JOIN account d ON d.id = a.doctor_id AND d.email = 'doctor@example.com'
JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (reason, diagnosis, private_notes, patient_summary)
    ON a.chief_complaint LIKE n.reason || '%'
WHERE a.status = 'COMPLETED'
"""
WRITTEN = (
    ("Cough", "Acute bronchitis", "Lungs clear, no fever, sat 98 %. No sign of pneumonia. Smokes five a day: raise it again.",
     "A bronchitis that goes away by itself. Drink a lot and rest.\nCome back if you have a fever or are short of breath."),
    ("Blood pressure", "Hypertension, well controlled", "128/82 on both arms. Keeps to the tablets, forgets some on Sundays.",
     "Your blood pressure is good. Go on with one tablet in the morning, Sundays too."),
    ("Knee", "Patellofemoral pain", "No effusion, ligaments stable. Runs 40 km a week on old shoes.",
     "Run half as far for three weeks and cool the knee afterwards. The exercises are on the sheet."),
    ("Trouble sleeping", "Insomnia", "Worries about work since spring. PHQ-9: 7. Look at it again in a month.",
     "Get up at the same time each day, and no screen in the hour before bed."),
)  # fmt: skip


async def make_in_tx(world: World, cast: Cast, horizon_days: int) -> None:
    """Store sessions, slots and appointments."""
    today = clock.now().date()
    first, last = today - timedelta(weeks=WEEKS_BEHIND), today + timedelta(days=horizon_days)
    for doctor in [cast.demo_doctor, *cast.doctors]:
        plans = await _sessions_in_tx(doctor, cast, first, busy=doctor is cast.demo_doctor)
        await _slots_in_tx(doctor.id, plans, first, last)
    await _appointments_in_tx(cast)
    for statement in FOLLOW:
        await db.execute(statement)
    await db.execute(NOTES, *(list(column) for column in zip(*WRITTEN, strict=True)))


async def _sessions_in_tx(doctor: Doctor, cast: Cast, first: date, *, busy: bool) -> list[Plan]:
    """The demo doctor works every day, so that there is always a today; others three to five half days."""
    rng, plans = cast.rng, []
    days = (
        range(1, 8)
        if busy
        else sorted(rng.sample([d for d in range(1, 7) if d not in doctor.clinic.weekend], rng.choice((3, 4, 5))))
    )
    local = clock.now().astimezone(ZoneInfo(doctor.clinic.time_zone))
    for day in days:
        shifts = [rng.choice(SHIFTS)] if not busy else running(local) if day == local.isoweekday() else LONG_DAY
        for start, end in shifts:
            plans.append(await _session_in_tx(doctor, day, start, end, first, rng.choice((15, 15, 20, 30))))
    if doctor.specialty in {"Psychiatry", "Dermatology"}:  # a video practice of their own in the evening
        plans.append(
            await _session_in_tx(doctor, rng.choice((1, 2, 3, 4)), time(19), time(21), first, 30, virtual=True)
        )
    return plans


def running(local: datetime) -> list[tuple[time, time]]:
    """The hours of a long day, with others in their place where the demonstration would find the practice closed."""
    open_now = [(start, end) for start, end in LONG_DAY if start <= local.time() and local.hour + 1 < end.hour]
    first, last = time(max(local.hour - 1, 0)), time(min(local.hour + 3, 23), 45 if local.hour > 19 else 0)
    others = [one for one in LONG_DAY if one[1] <= first or one[0] >= last]
    return LONG_DAY if open_now else sorted([(first, last), *others])


async def _session_in_tx(
    doctor: Doctor, day: int, start: time, end: time, first: date, minutes: int, *, virtual: bool = False
) -> Plan:
    session_id, clinic = uuid7(), doctor.clinic
    length = (datetime.combine(first, end) - datetime.combine(first, start)) // timedelta(minutes=minutes)
    kind = ServiceType.VIRTUAL if virtual else ServiceType.BOTH
    places = length + (0 if virtual else 2)  # two more can come through the queue, after hours
    await db.execute(
        "INSERT INTO weekly_session (id, doctor_id, clinic_id, day_of_week, session_start_time, session_end_time,"
        " service_type, max_queue_size, estimated_consultation_minutes, effective_from)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        session_id, doctor.id, None if virtual else clinic.id, day, start, end, kind.value, places, minutes, first,
    )  # fmt: skip
    return Plan(
        session_id=session_id, clinic_id=None if virtual else clinic.id, time_zone=clinic.time_zone, day_of_week=day,
        hours=Hours(start=start, end=end, minutes=minutes, places=places), service_type=kind, effective_from=first,
        effective_to=None,
    )  # fmt: skip


# `patient1@…` to `patient60@…` have no visits, so that whoever tries something as one of them finds no time taken by an own one.
WITHOUT_VISITS = 60

# COPY would be quicker, but does not go together with row-level security.
SLOTS = """
INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
    service_type, overflow)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::date[], $6::smallint[], $7::timestamptz[],
    $8::timestamptz[], $9::time[], $10::text[], $11::text[], $12::boolean[])
"""


async def _slots_in_tx(doctor_id: UUID, plans: list[Plan], first: date, last: date) -> None:
    rows = [
        (uuid7(), doctor_id, p.session_id, p.clinic_id, p.date, p.position, p.start, p.end, p.local_start, p.time_zone,
         p.service_type.value, p.overflow)
        for plan in plans
        for p in places_between(plan, first, last)
    ]  # fmt: skip
    await db.execute(SLOTS, *(list(column) for column in zip(*rows, strict=True)))
    await db.execute("INSERT INTO slot_horizon (doctor_id, made_until) VALUES ($1, $2)", doctor_id, last)


async def _appointments_in_tx(cast: Cast) -> None:
    """Past weeks well used, the next days nearly full for some doctors, thinner later on."""
    rng = cast.rng
    rows = await db.fetch(
        "SELECT id, doctor_id, starts_at, ends_at, date, starts_at < clock_timestamp() AS past FROM slot WHERE NOT overflow"
        " ORDER BY starts_at, id"
    )
    now, bookings = clock.now(), []
    demand = {doctor.id: rng.choice((0.25, 0.4, 0.6, 0.9)) for doctor in cast.doctors}
    demand[cast.demo_doctor.id] = 0.75
    for row in rows:
        days_ahead = (row["starts_at"] - now).total_seconds() / 86_400
        thinner = 1.0 if days_ahead < 9 else max(0.05, 1 - days_ahead / 40)
        if rng.random() < demand[row["doctor_id"]] * thinner or is_now(cast, row, now):
            bookings.append(_booking(cast, row, now))
    await _demo_patient_in_tx(cast, bookings)


def _booking(cast: Cast, row: Any, now: datetime) -> tuple[UUID, UUID, UUID, str, str, str]:
    rng = cast.rng
    status = "BOOKED"
    if is_now(cast, row, now):
        status = "IN_PROGRESS"
    elif row["ends_at"] < now:
        status = rng.choices(("COMPLETED", "NO_SHOW", "CANCELLED"), (88, 6, 6))[0]
    elif row["starts_at"] < now + timedelta(minutes=45):
        status = rng.choice(("CHECKED_IN", "BOOKED"))
    kind = rng.choices(("IN_PERSON", "VIRTUAL"), (3, 1))[0]
    return uuid7(), row["id"], rng.choice(cast.patients[WITHOUT_VISITS:]), kind, status, rng.choice(REASONS)


def is_now(cast: Cast, row: Any, now: datetime) -> bool:
    """Whether the demo doctor sees somebody at this time of the day."""
    return bool(row["starts_at"] <= now < row["ends_at"]) and row["doctor_id"] == cast.demo_doctor.id


async def _demo_patient_in_tx(cast: Cast, bookings: list[tuple[UUID, UUID, UUID, str, str, str]]) -> None:
    """The demo patient's own visits come first, so that nobody else has taken their times."""
    taken = set()
    own = []
    for doctor, offset, kind, status in (
        (cast.demo_doctor, -12, "IN_PERSON", "COMPLETED"),
        (cast.doctors[1], -5, "IN_PERSON", "COMPLETED"),
        (cast.demo_doctor, 1, "VIRTUAL", "BOOKED"),
        (cast.doctors[2], 12, "IN_PERSON", "BOOKED"),
    ):
        slot_id = await db.fetch_value(
            "SELECT id FROM slot WHERE doctor_id = $1 AND NOT overflow AND date >= $2 AND (starts_at < clock_timestamp()) = $3"
            " ORDER BY starts_at OFFSET 3 LIMIT 1",
            doctor.id, (clock.now() + timedelta(days=offset)).date(), offset < 0,
        )  # fmt: skip
        taken.add(slot_id)
        own.append((uuid7(), slot_id, cast.demo_patient, kind, status, "Asthma review" if offset > 0 else "Cough"))
    await db.fetch(BOOK, *zip(*own, *(b for b in bookings if b[1] not in taken), strict=True))
