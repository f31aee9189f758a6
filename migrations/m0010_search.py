"""Finding doctors: one narrow row a doctor to search in, and a hint of when each is next free."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:10:00"
VERSION = "1.38.0"
DESCRIPTION = "search"

FOLDING = r"""
-- The one folding of names, for what is stored and for what is typed: without case, accents and typographic variants.
CREATE FUNCTION fold_text(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT replace(replace(replace(
        translate(regexp_replace(lower(normalize(value, NFKD)), '[\u0300-\u036f\u064b-\u065f]', '', 'g'),
                  'łøđıħŧςأإآٱىة’‘ʼ`´', 'lodihtσاااايه'''''''''''),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')
$$;

-- The words of a folded text, split at spaces and punctuation of any script.
CREATE FUNCTION split_words(folded text) RETURNS SETOF text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT word FROM regexp_split_to_table(
        folded, '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f]+') AS word
    WHERE word <> ''
$$;

-- What a doctor is found by: O'Brien by "obrien", "o'brien" and "brien".
CREATE FUNCTION search_words(value text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT left(word, 100)), '{}') FROM (
        SELECT split_words(replace(fold_text(value), '''', '')) AS word
        UNION SELECT split_words(fold_text(value))
    ) AS found
$$;

-- What is typed: every word must be the beginning of one that is stored. No sign in it has a meaning of its own.
CREATE FUNCTION search_query(typed text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(quote_literal(left(word, 100)) || ':*', ' & '), '')::tsquery
    FROM split_words(replace(fold_text(typed), '''', '')) AS word
$$;

DROP INDEX specialty_name_unique;
CREATE UNIQUE INDEX specialty_name_unique ON specialty (lower(normalize(name, NFKC)));
"""

TABLES = """
-- Mercator keeps angles, so near a point its plane orders places as the ground does; the index finds the nearest with it.
ALTER TABLE clinic ADD COLUMN mercator point GENERATED ALWAYS AS (
    CASE WHEN latitude IS NULL THEN NULL
    ELSE point(longitude, degrees(ln(tan(radians(45 + greatest(-85, least(85, latitude)) / 2))))) END) STORED;
CREATE INDEX clinic_nearest ON clinic USING gist (mercator) WHERE active;

CREATE FUNCTION mercator(latitude float8, longitude float8) RETURNS point LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT point(longitude, degrees(ln(tan(radians(45 + greatest(-85, least(85, latitude)) / 2)))))
$$;

-- Kilometres along a great circle.
CREATE FUNCTION distance_km(lat1 float8, lon1 float8, lat2 float8, lon2 float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 12742 * asin(sqrt(least(1, power(sin(radians(lat2 - lat1) / 2), 2)
        + cos(radians(lat1)) * cos(radians(lat2)) * power(sin(radians(lon2 - lon1) / 2), 2))))
$$;

-- A square on the Mercator plane that holds the circle around a point.
CREATE FUNCTION around(latitude float8, longitude float8, km float8) RETURNS box LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT box(point(longitude - reach, south), point(longitude + reach, north))
    FROM (SELECT km / (111.19 * greatest(0.05, cos(radians(least(85, abs(latitude) + km / 111.19)))))) AS sized (reach),
         LATERAL (SELECT (mercator(latitude - km / 111.19, longitude))[1], (mercator(latitude + km / 111.19, longitude))[1])
             AS band (south, north)
$$;

-- Where a typed place is, as far as the clinics know: a town, a post code, the beginning of a town, a clinic's name.
CREATE INDEX clinic_town ON clinic (fold_text(city) text_pattern_ops) WHERE active;
CREATE INDEX clinic_post_code ON clinic (postal_code) WHERE active;
CREATE INDEX clinic_name ON clinic (fold_text(name) text_pattern_ops) WHERE active;
DROP INDEX clinic_city;

CREATE TABLE doctor_search (
    doctor_id uuid CONSTRAINT doctor_search_pkey PRIMARY KEY
        CONSTRAINT doctor_search_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    specialty_id uuid,
    name_key text NOT NULL,
    words text[] NOT NULL,
    lexemes tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(words)) STORED,
    languages text[] NOT NULL,
    services text[] NOT NULL,
    consultation_fee numeric(10, 2) NOT NULL,
    rating numeric(2, 1),
    card jsonb NOT NULL  -- what a line of results shows, so that finding it joins nothing
);
CREATE INDEX doctor_search_of_specialty ON doctor_search (specialty_id, consultation_fee);
CREATE INDEX doctor_search_fee ON doctor_search (consultation_fee, doctor_id);
CREATE INDEX doctor_search_rating ON doctor_search (rating DESC NULLS LAST, doctor_id);
CREATE INDEX doctor_search_words ON doctor_search USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX doctor_search_languages ON doctor_search USING gin (languages) WITH (fastupdate = off);

-- Never later than the doctor's first free slot: bookings and holds leave it alone (so that nobody who books ever waits
-- for this row), a slot that becomes free lowers it, and a job raises it. A search looks at the slots themselves.
CREATE TABLE doctor_next_free (
    doctor_id uuid CONSTRAINT doctor_next_free_pkey PRIMARY KEY
        CONSTRAINT doctor_next_free_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    specialty_id uuid,
    not_before timestamptz NOT NULL
);
CREATE INDEX doctor_next_free_order ON doctor_next_free (not_before, doctor_id);
CREATE INDEX doctor_next_free_specialty ON doctor_next_free (specialty_id, not_before, doctor_id);
"""

REFRESH = """
CREATE FUNCTION refresh_doctor_search(wanted uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM doctor_search f USING account a
    WHERE f.doctor_id = ANY (wanted) AND a.id = f.doctor_id AND a.status <> 'ACTIVE';
    INSERT INTO doctor_search (doctor_id, specialty_id, name_key, words, languages, services, consultation_fee, rating, card)
    SELECT d.account_id, d.specialty_id, fold_text(a.first_name || ' ' || a.last_name),
           search_words(concat_ws(' ', a.first_name, a.last_name, s.name, place.names)),
           (SELECT coalesce(array_agg(DISTINCT tag), '{}')
            FROM unnest(d.languages) AS spoken, unnest(ARRAY[spoken, split_part(spoken, '-', 1)]) AS tag),
           (SELECT coalesce(array_agg(DISTINCT one), '{}') FROM (
                SELECT w.service_type FROM weekly_session w WHERE w.doctor_id = d.account_id AND w.deleted_at IS NULL
                UNION SELECT o.service_type FROM slot o
                WHERE o.doctor_id = d.account_id AND o.session_id IS NULL AND o.starts_at > clock_timestamp()
            ) AS offered, unnest(service_words(offered.service_type)) AS one),
           d.consultation_fee, d.rating,
           jsonb_build_object(
               'first_name', a.first_name, 'last_name', a.last_name, 'title', d.title, 'specialty', s.name,
               'languages', d.languages, 'currency', d.currency, 'clinics', coalesce(place.clinics, '[]'))
    FROM doctor d
    JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
    LEFT JOIN specialty s ON s.id = d.specialty_id
    LEFT JOIN LATERAL (
        SELECT string_agg(c.name || ' ' || c.city, ' ') AS names,
               jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name, 'city', c.city,
                                            'latitude', c.latitude, 'longitude', c.longitude) ORDER BY c.name) AS clinics
        FROM clinic_doctor cd JOIN clinic c ON c.id = cd.clinic_id AND c.active WHERE cd.doctor_id = d.account_id
    ) AS place ON true
    WHERE d.account_id = ANY (wanted)
    ORDER BY d.account_id
    ON CONFLICT (doctor_id) DO UPDATE SET
        specialty_id = excluded.specialty_id, name_key = excluded.name_key, words = excluded.words,
        languages = excluded.languages, services = excluded.services,
        consultation_fee = excluded.consultation_fee, rating = excluded.rating, card = excluded.card;
    UPDATE doctor_next_free n SET specialty_id = d.specialty_id FROM doctor d
    WHERE n.doctor_id = ANY (wanted) AND d.account_id = n.doctor_id AND n.specialty_id IS DISTINCT FROM d.specialty_id;
END $$;

CREATE FUNCTION service_words(service_type text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE service_type WHEN 'BOTH' THEN ARRAY['VIRTUAL', 'IN_PERSON'] ELSE ARRAY[service_type] END
$$;
"""

TRIGGERS = """
CREATE FUNCTION search_follows_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM refresh_doctor_search(ARRAY[NEW.id]); RETURN NULL; END $$;
CREATE TRIGGER account_searched AFTER UPDATE OF first_name, last_name, status ON account FOR EACH ROW
    WHEN (NEW.role = 'DOCTOR' AND (OLD.first_name, OLD.last_name, OLD.status)
          IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.status))
    EXECUTE FUNCTION search_follows_account();

CREATE FUNCTION search_follows_doctor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM refresh_doctor_search(ARRAY[NEW.account_id]); RETURN NULL; END $$;
CREATE TRIGGER doctor_searched AFTER UPDATE OF specialty_id, title, languages, consultation_fee, currency, rating ON doctor FOR EACH ROW
    WHEN ((OLD.specialty_id, OLD.title, OLD.languages, OLD.consultation_fee, OLD.currency, OLD.rating)
          IS DISTINCT FROM (NEW.specialty_id, NEW.title, NEW.languages, NEW.consultation_fee, NEW.currency, NEW.rating))
    EXECUTE FUNCTION search_follows_doctor();

CREATE FUNCTION search_follows_new_doctors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM refresh_doctor_search(ARRAY(SELECT account_id FROM changed)); RETURN NULL; END $$;
CREATE TRIGGER doctor_added AFTER INSERT ON doctor REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_follows_new_doctors();

CREATE FUNCTION search_follows_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM refresh_doctor_search(ARRAY(SELECT DISTINCT doctor_id FROM changed)); RETURN NULL; END $$;
CREATE TRIGGER clinic_doctor_added AFTER INSERT ON clinic_doctor REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_follows_places();
CREATE TRIGGER clinic_doctor_removed AFTER DELETE ON clinic_doctor REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_follows_places();
CREATE TRIGGER weekly_session_added AFTER INSERT ON weekly_session REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_follows_places();
CREATE TRIGGER weekly_session_changed AFTER UPDATE ON weekly_session REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_follows_places();

CREATE FUNCTION search_follows_clinic() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_doctor_search(ARRAY(SELECT doctor_id FROM clinic_doctor WHERE clinic_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER clinic_searched AFTER UPDATE OF name, city, latitude, longitude, active ON clinic FOR EACH ROW
    WHEN ((OLD.name, OLD.city, OLD.latitude, OLD.longitude, OLD.active)
          IS DISTINCT FROM (NEW.name, NEW.city, NEW.latitude, NEW.longitude, NEW.active))
    EXECUTE FUNCTION search_follows_clinic();

CREATE FUNCTION search_follows_specialty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_doctor_search(ARRAY(SELECT account_id FROM doctor WHERE specialty_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER specialty_searched AFTER UPDATE OF name ON specialty FOR EACH ROW
    WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION search_follows_specialty();

CREATE FUNCTION slots_become_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doctor_next_free (doctor_id, specialty_id, not_before)
    SELECT s.doctor_id, d.specialty_id, min(s.starts_at)
    FROM changed s JOIN doctor d ON d.account_id = s.doctor_id
    WHERE s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
    GROUP BY s.doctor_id, d.specialty_id ORDER BY s.doctor_id
    ON CONFLICT (doctor_id) DO UPDATE SET not_before = excluded.not_before
    WHERE doctor_next_free.not_before > excluded.not_before;
    UPDATE doctor_search f SET services = ARRAY(SELECT DISTINCT unnest(f.services || made.services))
    FROM (SELECT s.doctor_id, array_agg(DISTINCT word) AS services
          FROM changed s, unnest(service_words(s.service_type)) AS word WHERE s.session_id IS NULL GROUP BY s.doctor_id) AS made
    WHERE f.doctor_id = made.doctor_id AND NOT f.services @> made.services;
    RETURN NULL;
END $$;
CREATE TRIGGER slot_added AFTER INSERT ON slot REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION slots_become_free();

CREATE FUNCTION slot_becomes_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO doctor_next_free (doctor_id, specialty_id, not_before)
    SELECT NEW.doctor_id, d.specialty_id, NEW.starts_at FROM doctor d WHERE d.account_id = NEW.doctor_id
    ON CONFLICT (doctor_id) DO UPDATE SET not_before = excluded.not_before
    WHERE doctor_next_free.not_before > excluded.not_before;
    RETURN NULL;
END $$;
CREATE TRIGGER slot_freed AFTER UPDATE OF appointment_id, disabled, overflow, starts_at ON slot FOR EACH ROW
    WHEN (NEW.appointment_id IS NULL AND NOT NEW.disabled AND NOT NEW.overflow
          AND (OLD.appointment_id IS NOT NULL OR OLD.disabled OR OLD.overflow OR NEW.starts_at < OLD.starts_at))
    EXECUTE FUNCTION slot_becomes_free();

SELECT refresh_doctor_search(ARRAY(SELECT account_id FROM doctor));
INSERT INTO doctor_next_free (doctor_id, specialty_id, not_before)
SELECT s.doctor_id, d.specialty_id, min(s.starts_at) FROM slot s JOIN doctor d ON d.account_id = s.doctor_id
WHERE s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
GROUP BY s.doctor_id, d.specialty_id;
"""


async def create() -> None:
    for script in (FOLDING, TABLES, REFRESH, TRIGGERS):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
