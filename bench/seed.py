"""A network of clinics to search in: 50,000 doctors with names, places and free slots, made by a few bulk statements."""

import asyncpg

NAMES = """
WITH first AS (SELECT string_to_array('Ada Ana Ben Carlos Chen Dalia Elif Emeka Fatima Gönül Hana Ibrahim Ines Jamal José '
    'Karin Lena Lucía Mateo Mei Mohamed Nguyễn Noor Olga Omar Paul Priya Rahul Rosa Sara Sven Tariq Uma Vera Wei Yara Zoë '
    'Łukasz', ' ') AS names),
last AS (SELECT string_to_array('Abbott Ahmed Becker Brown Castro Costa Díaz Dubois Eriksson Fischer García Haddad '
    'Hansen Iyer Jansen Johnson Kaya Khan Kim Kumar López Martin Meyer Moreau Müller Nakamura Nowak O''Brien Okafor '
    'Patel Pérez Quinn Rossi Sánchez Schmidt Singh Smith Suzuki Tanaka Torres Ueda Vargas Wagner Weber Wilson Yamamoto '
    'Yılmaz Zhang', ' ') AS names)
"""

ACCOUNTS = (
    NAMES
    + """
INSERT INTO account (id, email, role, status, first_name, last_name)
SELECT gen_random_uuid(), 'd' || n || '@bench.example', 'DOCTOR', 'ACTIVE',
       first.names[1 + n % array_length(first.names, 1)],
       last.names[1 + (n / 7) % array_length(last.names, 1)] || chr(97 + n % 26) || chr(97 + (n / 26) % 26)
FROM generate_series(1, $1::int) AS n, first, last
"""
)

SPECIALTIES = """
INSERT INTO specialty (id, name) SELECT gen_random_uuid(), name FROM unnest(string_to_array(
    'Cardiology Dermatology Endocrinology Gastroenterology Geriatrics Gynaecology Haematology Immunology Nephrology Neurology '
    'Oncology Ophthalmology Orthopaedics Paediatrics Psychiatry Pulmonology Radiology Rheumatology Surgery Urology', ' ')) AS name
"""

# Clinics lie around a hundred towns, ten to fifty kilometres apart from each other.
CLINICS = """
INSERT INTO clinic (id, name, city, postal_code, country, latitude, longitude, time_zone)
SELECT gen_random_uuid(), 'Clinic ' || n, 'Town ' || n % 100, (10000 + n % 100)::text, 'DE',
       47 + (n % 100) / 10 + (n % 7) * 0.03, 6 + (n % 10) + (n % 11) * 0.03, 'Europe/Berlin'
FROM generate_series(1, $1::int / 10) AS n
"""

DOCTORS = """
INSERT INTO doctor (account_id, specialty_id, title, languages, consultation_fee, currency, rating, availability_status)
SELECT a.id, s.ids[1 + a.n % 20], 'Dr.',
       CASE a.n % 5 WHEN 0 THEN '{en,de}' WHEN 1 THEN '{es}' WHEN 2 THEN '{ar,en}' ELSE '{de}' END::text[],
       20 + a.n % 180, 'EUR', 1 + (a.n % 41) / 10.0, 'UNAVAILABLE'
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM account WHERE role = 'DOCTOR') AS a,
     (SELECT array_agg(id) AS ids FROM specialty) AS s
"""

PLACES = """
INSERT INTO clinic_doctor (clinic_id, doctor_id)
SELECT c.ids[1 + d.n % array_length(c.ids, 1)], d.account_id
FROM (SELECT account_id, row_number() OVER (ORDER BY account_id) AS n FROM doctor) AS d,
     (SELECT array_agg(id) AS ids FROM clinic) AS c
"""

# As many patients as doctors: enough that PostgreSQL plans as it does in a running portal.
PATIENTS = """
WITH made AS (
    INSERT INTO account (id, email, role, status, first_name, last_name)
    SELECT gen_random_uuid(), 'p' || n || '@bench.example', 'PATIENT', 'ACTIVE', 'Ada', 'Bench'
    FROM generate_series(1, $1::int) AS n
    RETURNING id
)
INSERT INTO patient (account_id, date_of_birth) SELECT id, '1980-02-29' FROM made
"""

# Every doctor's next free days begin somewhere in the coming five weeks.
SLOTS = """
INSERT INTO slot (id, doctor_id, clinic_id, date, starts_at, ends_at, local_start, time_zone, service_type)
SELECT gen_random_uuid(), d.account_id, cd.clinic_id, (at AT TIME ZONE 'Europe/Berlin')::date, at, at + interval '15 minutes',
       (at AT TIME ZONE 'Europe/Berlin')::time, 'Europe/Berlin',
       CASE d.n % 3 WHEN 0 THEN 'IN_PERSON' WHEN 1 THEN 'VIRTUAL' ELSE 'BOTH' END
FROM (SELECT account_id, row_number() OVER (ORDER BY account_id) AS n FROM doctor) AS d
JOIN clinic_doctor cd ON cd.doctor_id = d.account_id,
     generate_series(0, 2) AS week, generate_series(0, $1::int / 3 - 1) AS number,
     LATERAL (SELECT date_trunc('day', now())
         + make_interval(days => 1 + (d.n % 17)::int + 7 * week, mins => 480 + 15 * number)) AS t (at)
"""


# Times are there as far as anybody can look: nothing is left to be made when a page is opened.
HORIZONS = "INSERT INTO slot_horizon (doctor_id, made_until) SELECT account_id, current_date + 400 FROM doctor"

FILLED = """
SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""


async def seed(url: str, doctors: int = 50_000, slots_each: int = 24) -> None:
    """Fill an empty, migrated database. The overlap rule of slots is left out while they are made, as they do not overlap."""
    conn = await asyncpg.connect(url)
    rule = await conn.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'slot_doctor_no_overlap'"
    )
    await conn.execute("ALTER TABLE slot DROP CONSTRAINT slot_doctor_no_overlap")
    await conn.execute(SPECIALTIES)
    for statement in (ACCOUNTS, CLINICS, PATIENTS):
        await conn.execute(statement, doctors)
    await conn.execute(DOCTORS)
    await conn.execute(PLACES)
    await conn.execute(SLOTS, slots_each)
    await conn.execute(HORIZONS)
    await conn.execute("ALTER TABLE slot ADD CONSTRAINT slot_doctor_no_overlap " + rule)
    # Of a table that was empty when it was analysed, PostgreSQL believes so for a while, and plans to read all of it.
    await conn.execute("VACUUM ANALYZE " + await conn.fetchval(FILLED))
    await conn.close()
