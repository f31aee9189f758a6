"""Specialties, clinics in three time zones with different rules for summer time, and pharmacies near them."""

from dataclasses import dataclass, field
from datetime import time
from uuid import UUID

from portal import db
from portal.ids import uuid7

SPECIALTIES = {
    "General practice": "First contact for any complaint, check-ups and long-term care.",
    "Cardiology": "Heart, blood pressure and circulation.",
    "Dermatology": "Skin, hair and nails.",
    "Paediatrics": "Babies, children and teenagers.",
    "Gynaecology": "Women's health and pregnancy.",
    "Orthopaedics": "Bones, joints and muscles.",
    "Ophthalmology": "Eyes and sight.",
    "Ear, nose and throat": "Hearing, breathing, voice and balance.",
    "Neurology": "Headache, nerves, dizziness and memory.",
    "Psychiatry": "Mood, sleep, anxiety and other mental health.",
    "Endocrinology": "Diabetes, thyroid and hormones.",
    "Gastroenterology": "Stomach, bowel and liver.",
}


@dataclass(frozen=True)
class Clinic:
    """One clinic; `weekend` are the ISO weekdays on which it is closed."""

    name: str
    description: str
    address: str
    city: str
    region: str
    postal_code: str
    country: str
    latitude: float
    longitude: float
    time_zone: str
    currency: str
    phone: str
    fee: int
    languages: tuple[str, ...]
    weekend: tuple[int, ...] = (6, 7)
    id: UUID = field(default_factory=uuid7)


CLINICS = (
    Clinic(
        "Lindenhof Clinic", "A neighbourhood clinic in the east of the city, ten minutes from the ring line.",
        "Boxhagener Straße 118", "Berlin", "Berlin", "10245", "DE", 52.5117, 13.4596, "Europe/Berlin", "EUR",
        "+493055512345", 45, ("de", "en", "tr"),
    ),
    Clinic(
        "Harbor Point Clinic", "Primary and specialist care by the water, open on Saturday mornings.",
        "88 Commercial Street", "Boston", "Massachusetts", "02109", "US", 42.3629, -71.0518, "America/New_York", "USD",
        "+16175550142", 120, ("en", "es"), (7,),
    ),
    Clinic(
        "Nilgiri Health Centre", "Doctors for the whole family in the south of the city, with evening hours.",
        "27 Jayanagar 4th Block", "Bengaluru", "Karnataka", "560011", "IN", 12.9299, 77.5824, "Asia/Kolkata", "INR",
        "+918045550123", 600, ("en", "hi", "kn"), (7,),
    ),
)  # fmt: skip

DEPARTMENTS = ("Family medicine", "Specialist care", "Women and children")

PHARMACIES = (
    ("Linden Pharmacy", CLINICS[0], "Boxhagener Straße 96", 52.5123, 13.4571),
    ("Harbor Pharmacy", CLINICS[1], "101 Commercial Street", 42.3634, -71.0509),
    ("Nilgiri Medicals", CLINICS[2], "31 Jayanagar 4th Block", 12.9305, 77.5831),
)


@dataclass(frozen=True)
class World:
    """What the people of the demo need to know of its places."""

    specialties: dict[str, UUID]
    clinics: tuple[Clinic, ...]
    pharmacies: list[UUID]


async def make_in_tx() -> World:
    """Store the places."""
    specialties = {name: uuid7() for name in SPECIALTIES}
    for name, specialty_id in specialties.items():
        await db.execute(
            "INSERT INTO specialty (id, name, description) VALUES ($1, $2, $3)", specialty_id, name, SPECIALTIES[name]
        )
    for clinic in CLINICS:
        await _clinic_in_tx(clinic)
    return World(specialties, CLINICS, [await _pharmacy_in_tx(*pharmacy) for pharmacy in PHARMACIES])


async def _clinic_in_tx(clinic: Clinic) -> None:
    await db.execute(
        "INSERT INTO clinic (id, name, description, phone_number, address_line, city, region, postal_code, country,"
        " latitude, longitude, time_zone, currency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        clinic.id, clinic.name, clinic.description, clinic.phone, clinic.address, clinic.city, clinic.region,
        clinic.postal_code, clinic.country, clinic.latitude, clinic.longitude, clinic.time_zone, clinic.currency,
    )  # fmt: skip
    for name in DEPARTMENTS:
        await db.execute("INSERT INTO department (id, clinic_id, name) VALUES ($1, $2, $3)", uuid7(), clinic.id, name)
    for day in range(1, 8):
        if day not in clinic.weekend:
            closes = time(13) if day == 6 else time(19)
            await db.execute(
                "INSERT INTO clinic_opening_hours (id, clinic_id, day_of_week, opens, closes) VALUES ($1, $2, $3, $4, $5)",
                uuid7(), clinic.id, day, time(8), closes,
            )  # fmt: skip


async def _pharmacy_in_tx(name: str, near: Clinic, address: str, latitude: float, longitude: float) -> UUID:
    pharmacy_id = uuid7()
    await db.execute(
        "INSERT INTO pharmacy (id, name, licence_number, address_line, city, region, postal_code, country, latitude,"
        " longitude, time_zone) VALUES ($1, $2, 'DEMO', $3, $4, $5, $6, $7, $8, $9, $10)",
        pharmacy_id, name, address, near.city, near.region, near.postal_code, near.country, latitude, longitude,
        near.time_zone,
    )  # fmt: skip
    return pharmacy_id
