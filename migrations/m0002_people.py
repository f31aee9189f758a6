"""Specialties, doctors, patients, clinics and pharmacies."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:02:00"
VERSION = "1.38.0"
DESCRIPTION = "people"

SQL = """
CREATE TABLE specialty (
    id uuid CONSTRAINT specialty_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT specialty_name_present CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX specialty_name_unique ON specialty (lower(name));

CREATE TABLE clinic (
    id uuid CONSTRAINT clinic_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT clinic_name_present CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    phone_number text,
    email text,
    address_line text NOT NULL DEFAULT '',
    city text NOT NULL DEFAULT '',
    region text NOT NULL DEFAULT '',
    postal_code text NOT NULL DEFAULT '',
    country text NOT NULL DEFAULT '',
    latitude double precision CONSTRAINT clinic_latitude_range CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CONSTRAINT clinic_longitude_range CHECK (longitude BETWEEN -180 AND 180),
    time_zone text NOT NULL,
    currency text NOT NULL DEFAULT 'USD',
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT clinic_coordinates_together CHECK ((latitude IS NULL) = (longitude IS NULL))
);
CREATE INDEX clinic_city ON clinic (lower(city));

CREATE TABLE clinic_opening_hours (
    id uuid CONSTRAINT clinic_opening_hours_pkey PRIMARY KEY,
    clinic_id uuid NOT NULL CONSTRAINT clinic_opening_hours_clinic_fkey REFERENCES clinic ON DELETE CASCADE,
    day_of_week smallint NOT NULL CONSTRAINT clinic_opening_hours_day_iso CHECK (day_of_week BETWEEN 1 AND 7),
    opens time NOT NULL,
    closes time NOT NULL,
    CONSTRAINT clinic_opening_hours_order CHECK (closes > opens),
    CONSTRAINT clinic_opening_hours_unique UNIQUE (clinic_id, day_of_week, opens)
);

CREATE TABLE department (
    id uuid CONSTRAINT department_pkey PRIMARY KEY,
    clinic_id uuid NOT NULL CONSTRAINT department_clinic_fkey REFERENCES clinic ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT department_name_present CHECK (name <> ''),
    CONSTRAINT department_name_unique UNIQUE (clinic_id, name)
);

CREATE TABLE doctor (
    account_id uuid CONSTRAINT doctor_pkey PRIMARY KEY CONSTRAINT doctor_account_fkey REFERENCES account ON DELETE CASCADE,
    specialty_id uuid CONSTRAINT doctor_specialty_fkey REFERENCES specialty,
    title text NOT NULL DEFAULT '',
    licence_number text NOT NULL DEFAULT '',
    bio text NOT NULL DEFAULT '',
    qualifications text NOT NULL DEFAULT '',
    languages text[] NOT NULL DEFAULT '{}',
    years_of_experience smallint CONSTRAINT doctor_experience_range CHECK (years_of_experience BETWEEN 0 AND 80),
    consultation_fee numeric(10, 2) NOT NULL DEFAULT 0 CONSTRAINT doctor_fee_not_negative CHECK (consultation_fee >= 0),
    currency text NOT NULL DEFAULT 'USD',
    rating numeric(2, 1) CONSTRAINT doctor_rating_range CHECK (rating BETWEEN 1 AND 5),
    latitude double precision,
    longitude double precision,
    availability_status text NOT NULL DEFAULT 'UNAVAILABLE' CONSTRAINT doctor_availability_known
        CHECK (availability_status IN ('AVAILABLE', 'BUSY', 'UNAVAILABLE')),
    last_assigned_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX doctor_of_specialty ON doctor (specialty_id);

CREATE TABLE clinic_doctor (
    clinic_id uuid NOT NULL CONSTRAINT clinic_doctor_clinic_fkey REFERENCES clinic ON DELETE CASCADE,
    doctor_id uuid NOT NULL CONSTRAINT clinic_doctor_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    department_id uuid CONSTRAINT clinic_doctor_department_fkey REFERENCES department ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT clinic_doctor_pkey PRIMARY KEY (clinic_id, doctor_id)
);
CREATE INDEX clinic_doctor_of_doctor ON clinic_doctor (doctor_id);

CREATE TABLE clinic_admin (
    clinic_id uuid NOT NULL CONSTRAINT clinic_admin_clinic_fkey REFERENCES clinic ON DELETE CASCADE,
    account_id uuid NOT NULL CONSTRAINT clinic_admin_account_fkey REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT clinic_admin_pkey PRIMARY KEY (clinic_id, account_id)
);
CREATE INDEX clinic_admin_of_account ON clinic_admin (account_id);

CREATE TABLE pharmacy (
    id uuid CONSTRAINT pharmacy_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT pharmacy_name_present CHECK (name <> ''),
    licence_number text NOT NULL DEFAULT '',
    phone_number text,
    address_line text NOT NULL DEFAULT '',
    city text NOT NULL DEFAULT '',
    region text NOT NULL DEFAULT '',
    postal_code text NOT NULL DEFAULT '',
    country text NOT NULL DEFAULT '',
    latitude double precision CONSTRAINT pharmacy_latitude_range CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CONSTRAINT pharmacy_longitude_range CHECK (longitude BETWEEN -180 AND 180),
    time_zone text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pharmacy_coordinates_together CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TABLE pharmacist (
    account_id uuid CONSTRAINT pharmacist_pkey PRIMARY KEY
        CONSTRAINT pharmacist_account_fkey REFERENCES account ON DELETE CASCADE,
    pharmacy_id uuid CONSTRAINT pharmacist_pharmacy_fkey REFERENCES pharmacy,
    licence_number text NOT NULL DEFAULT ''
);

CREATE TABLE patient (
    account_id uuid CONSTRAINT patient_pkey PRIMARY KEY CONSTRAINT patient_account_fkey REFERENCES account ON DELETE CASCADE,
    date_of_birth date CONSTRAINT patient_birth_plausible CHECK (date_of_birth BETWEEN '1890-01-01' AND '2200-01-01'),
    sex text CONSTRAINT patient_sex_known CHECK (sex IN ('FEMALE', 'MALE', 'OTHER', 'UNDISCLOSED')),
    address text NOT NULL DEFAULT '',
    medical_history text NOT NULL DEFAULT '',
    allergies jsonb NOT NULL DEFAULT '[]',
    conditions jsonb NOT NULL DEFAULT '[]',
    emergency_contacts jsonb NOT NULL DEFAULT '[]',
    preferred_doctor_ids uuid[] NOT NULL DEFAULT '{}',
    preferred_clinic_ids uuid[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1
);
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
