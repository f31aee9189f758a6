"""The people of the demo: the five accounts that visitors use, 24 doctors and 200 patients around them."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from portal import clock, db
from portal.accounts import passwords
from portal.accounts.schemas import Role
from portal.demo.places import Clinic, World
from portal.ids import uuid7

DOCTORS = (
    # first name, last name, specialty, title, languages beside the clinic's own, years, about
    (
        "Anna",
        "Weber",
        "General practice",
        "Dr. med.",
        ("fr",),
        14,
        "Listens first. Long-term conditions and check-ups.",
    ),
    ("Jonas", "Brandt", "Cardiology", "Dr. med.", (), 21, "High blood pressure, rhythm, and the fear of both."),
    ("Elif", "Yıldırım", "Dermatology", "Dr. med.", (), 9, "Skin checks, eczema and acne, also by video."),
    (
        "Miriam",
        "Goldstein-Okonkwo",
        "Paediatrics",
        "Dr. med.",
        ("fr", "ig"),
        12,
        "Children of all ages and their parents.",
    ),
    (
        "Katharina",
        "von Rosenberg-Schmidt",
        "Gynaecology",
        "Prof. Dr.",
        (),
        27,
        "Pregnancy, and everything before and after.",
    ),
    ("Paul", "Neumann", "Orthopaedics", "Dr. med.", (), 17, "Knees, shoulders and backs; surgery only when it helps."),
    ("Sophie", "Lefèvre", "Psychiatry", "Dr.", ("fr",), 11, "Sleep, worry and low mood. Quiet and unhurried."),
    ("Tomasz", "Kowalski", "Neurology", "Dr. med.", ("pl",), 19, "Headache clinic on Tuesdays and Thursdays."),
    ("James", "O'Connor", "General practice", "Dr.", (), 23, "Family medicine for three generations of one street."),
    ("Maria", "Hernández", "Endocrinology", "Dr.", (), 15, "Diabetes care that fits into a working week."),
    ("Wei", "Zhang", "Ophthalmology", "Dr.", ("zh",), 18, "Cataract, glaucoma and dry eyes."),
    ("Aisha", "Rahman", "Paediatrics", "Dr.", ("bn",), 8, "Asthma and allergies in children."),
    ("Robert", "Kim", "Cardiology", "Dr.", ("ko",), 26, "Heart failure, and living well with it."),
    ("Grace", "Adeyemi", "Gynaecology", "Dr.", ("yo",), 13, "Contraception, fertility and menopause."),
    ("Daniel", "Nguyễn", "Gastroenterology", "Dr.", ("vi",), 10, "Reflux, bowel trouble and prevention."),
    ("Hannah", "Cohen", "Dermatology", "Dr.", ("he",), 7, "Moles, rashes, and questions asked by photo."),
    (
        "Lakshmi",
        "Venkataraman",
        "General practice",
        "Dr.",
        ("ta",),
        20,
        "Families, elders and house-bound patients.",
    ),
    ("Arjun", "Reddy", "Orthopaedics", "Dr.", ("te",), 16, "Sports injuries and joint pain."),
    ("Fatima", "Sheikh", "Gynaecology", "Dr.", ("ur",), 14, "Pregnancy care with evening hours."),
    ("Vikram", "Singh", "Ear, nose and throat", "Dr.", ("pa",), 22, "Hearing, sinus and voice."),
    ("Priya", "Iyer", "Psychiatry", "Dr.", ("ta",), 9, "Anxiety, exams and burnout."),
    ("Rohan", "Desai", "Neurology", "Dr.", ("gu",), 12, "Migraine and epilepsy."),
    ("Sunita", "Patil", "Endocrinology", "Dr.", ("mr",), 18, "Thyroid and diabetes."),
    ("Imran", "Khan", "Gastroenterology", "Dr.", ("ur",), 11, "Liver clinic and endoscopy."),
)
DEPARTMENT = {
    "General practice": "Family medicine",
    "Paediatrics": "Women and children",
    "Gynaecology": "Women and children",
}
DEMO_DOCTOR = (
    "Eva",
    "Lindqvist",
    "General practice",
    "Dr. med.",
    ("sv",),
    16,
    "Everyday medicine, in person and by video.",
)

FIRST = [
    "Liam", "Emma", "Noah", "Olivia", "Mateo", "Sofía", "Youssef", "Layla", "Arjun", "Ananya", "Wei", "Mei",
    "Kwame", "Ama", "Lars", "Ingrid", "Piotr", "Zofia", "Omar", "Salma", "Diego", "Lucía", "Ravi", "Kavya",
    "Tomás", "Inês", "Elias", "Hanna", "Malik", "Zahra", "Yuki", "Haru", "Ivan", "Olga", "Jean", "Chloé",
    "Samuel", "Ruth", "Ali", "Maryam",
]  # fmt: skip
LAST = [
    "Müller", "Schmidt", "García", "Rodríguez", "Smith", "Johnson", "Patel", "Sharma", "Khan", "Ahmed",
    "Nguyễn", "Trần", "Mensah", "Owusu", "Larsen", "Berg", "Nowak", "Wójcik", "Haddad", "Nasser", "Silva",
    "Costa", "Rao", "Gupta", "Fischer", "Wagner", "Brown", "Davis", "Ito", "Sato", "Petrov", "Ivanova",
    "Moreau", "Dubois", "Cohen", "Levi", "O'Brien", "Fernández-Villanueva", "Abdulrahman", "Subramaniam",
]  # fmt: skip


@dataclass
class Doctor:
    id: UUID
    clinic: Clinic
    specialty: str


@dataclass
class Cast:
    """Who takes part in the demo's appointments."""

    demo_patient: UUID
    demo_doctor: Doctor
    doctors: list[Doctor]
    patients: list[UUID]
    rng: random.Random = field(default_factory=lambda: random.Random(2026))  # noqa: S311  # the same world each time


async def make_in_tx(world: World, password: str) -> Cast:
    """Store all accounts and profiles; every one signs in with `password`."""
    secret = await passwords.hash_password(password)
    rng = random.Random(1)  # noqa: S311  # the same world each time
    demo_doctor = await _doctor_in_tx(world, world.clinics[0], "doctor@example.com", DEMO_DOCTOR, secret)
    doctors = [
        await _doctor_in_tx(world, world.clinics[number // 8], f"doctor{number + 1}@example.com", who, secret)
        for number, who in enumerate(DOCTORS)
    ]
    demo_patient = await _patient_in_tx(
        "patient@example.com", "Nora", "Albrecht", world.clinics[0], secret, date(1987, 5, 14)
    )
    await _record_in_tx(demo_patient)
    patients = []
    for number in range(1, 201):
        born = date(1940, 1, 1) + timedelta(days=rng.randrange(30_000))
        name = (rng.choice(FIRST), rng.choice(LAST))
        home = world.clinics[number % 3]
        patients.append(await _patient_in_tx(f"patient{number}@example.com", *name, home, secret, born))
    await _staff_in_tx(world, secret)
    return Cast(demo_patient, demo_doctor, doctors, patients)


async def _account_in_tx(email: str, role: Role, first: str, last: str, zone: str, secret: str) -> UUID:
    account_id = uuid7()
    await db.execute(
        "INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, time_zone)"
        " VALUES ($1, $2, $3, $4, 'ACTIVE', $5, $6, $7)",
        account_id, email, secret, role.value, first, last, zone,
    )  # fmt: skip
    return account_id


async def _doctor_in_tx(world: World, clinic: Clinic, email: str, who: tuple[Any, ...], secret: str) -> Doctor:
    first, last, specialty, title, languages, years, bio = who
    account_id = await _account_in_tx(email, Role.DOCTOR, first, last, clinic.time_zone, secret)
    await db.execute(
        "INSERT INTO doctor (account_id, specialty_id, title, licence_number, bio, languages, years_of_experience,"
        " consultation_fee, currency, latitude, longitude, availability_status)"
        " VALUES ($1, $2, $3, 'DEMO', $4, $5, $6, $7, $8, $9, $10, 'AVAILABLE')",
        account_id, world.specialties[specialty], title, bio, [*clinic.languages, *languages], years,
        clinic.fee + clinic.fee // 20 * (years % 6), clinic.currency, clinic.latitude, clinic.longitude,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO clinic_doctor (clinic_id, doctor_id, department_id)"
        " SELECT $1, $2, id FROM department WHERE clinic_id = $1 AND name = $3",
        clinic.id, account_id, DEPARTMENT.get(specialty, "Specialist care"),
    )  # fmt: skip
    return Doctor(account_id, clinic, specialty)


async def _patient_in_tx(email: str, first: str, last: str, home: Clinic, secret: str, born: date) -> UUID:
    account_id = await _account_in_tx(email, Role.PATIENT, first, last, home.time_zone, secret)
    await db.execute("INSERT INTO patient (account_id, date_of_birth) VALUES ($1, $2)", account_id, born)
    return account_id


async def _record_in_tx(patient_id: UUID) -> None:
    """The demo patient has a record worth reading."""
    since = clock.now().year - 8
    await db.execute(
        "UPDATE patient SET sex = 'FEMALE', medical_history = $2, allergies = $3, conditions = $4, emergency_contacts = $5"
        " WHERE account_id = $1",
        patient_id,
        "Appendix removed in 2009. No other operations.",
        [{"substance": "Penicillin", "reaction": "Rash", "severity": "MODERATE"}],
        [{"name": "Asthma", "since": since, "note": "Inhaler when needed."}],
        [{"name": "Jonas Albrecht", "relationship": "Brother", "phone_number": "+4915155501234"}],
    )


async def _staff_in_tx(world: World, secret: str) -> None:
    home = world.clinics[0]
    clinic_admin = await _account_in_tx(
        "clinic@example.com", Role.CLINIC_ADMIN, "Clara", "Vogel", home.time_zone, secret
    )
    await db.execute("INSERT INTO clinic_admin (clinic_id, account_id) VALUES ($1, $2)", home.id, clinic_admin)
    pharmacist = await _account_in_tx("pharmacy@example.com", Role.PHARMACY, "Felix", "Arnold", home.time_zone, secret)
    await db.execute(
        "INSERT INTO pharmacist (account_id, pharmacy_id, licence_number) VALUES ($1, $2, 'DEMO')",
        pharmacist,
        world.pharmacies[0],
    )
    waiting = await _account_in_tx("newcomer@example.com", Role.DOCTOR, "Leonie", "Hartmann", home.time_zone, secret)
    await db.execute("UPDATE account SET status = 'PENDING_VERIFICATION' WHERE id = $1", waiting)
    await db.execute(
        "INSERT INTO doctor (account_id, specialty_id, title, licence_number, languages)"
        " VALUES ($1, $2, 'Dr. med.', 'BE-2026-0417', '{de,en}')",
        waiting,
        world.specialties["Neurology"],
    )
    await _account_in_tx("admin@example.com", Role.SYSTEM_ADMIN, "Sam", "Reyes", home.time_zone, secret)
