"""The room of a video visit: who is in it, which meeting of the provider it is, and the signals of a peer-to-peer call."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:72:00"
VERSION = "1.38.0"
DESCRIPTION = "video rooms"

TABLES = """
ALTER TABLE video_session
    ADD COLUMN external_appointment_id uuid CONSTRAINT video_session_one_per_external UNIQUE,
    ADD COLUMN provider text CONSTRAINT video_session_provider_known CHECK (provider IN ('chime', 'webrtc')),
    ADD COLUMN meeting_id text,
    ADD COLUMN meetings smallint NOT NULL DEFAULT 0,
    ADD COLUMN media_region text,
    ADD COLUMN media_placement jsonb,
    ADD COLUMN actual_start_time timestamptz,
    ADD COLUMN actual_end_time timestamptz,
    ADD COLUMN session_notes text NOT NULL DEFAULT '',
    ADD COLUMN connection_quality_rating smallint
        CONSTRAINT video_session_rating_known CHECK (connection_quality_rating BETWEEN 1 AND 5),
    ADD COLUMN cancellation_reason text NOT NULL DEFAULT '',
    ADD CONSTRAINT video_session_one_appointment CHECK (appointment_id IS NULL OR external_appointment_id IS NULL),
    ADD CONSTRAINT video_session_meeting_of_provider CHECK (meeting_id IS NULL OR provider IS NOT NULL),
    ADD CONSTRAINT video_session_ended_after_start CHECK (actual_end_time >= actual_start_time),
    ADD CONSTRAINT video_session_doctor_no_overlap EXCLUDE USING gist
        (uuidrange(doctor_id, doctor_id, '[]') WITH &&, tstzrange(scheduled_start_time, scheduled_end_time) WITH &&)
        WHERE (appointment_id IS NULL AND external_appointment_id IS NULL AND status IN ('SCHEDULED', 'WAITING', 'ACTIVE')),
    ADD CONSTRAINT video_session_patient_no_overlap EXCLUDE USING gist
        (uuidrange(patient_id, patient_id, '[]') WITH &&, tstzrange(scheduled_start_time, scheduled_end_time) WITH &&)
        WHERE (appointment_id IS NULL AND external_appointment_id IS NULL AND status IN ('SCHEDULED', 'WAITING', 'ACTIVE'));
CREATE INDEX video_session_open ON video_session (scheduled_end_time) WHERE status IN ('SCHEDULED', 'WAITING', 'ACTIVE');

-- One row a person, however often and with however many devices they come: `joins` tells one device from the next, and
-- `sent` numbers their signals. Who never said that they are still there (`last_seen_at`) is taken at their word.
CREATE TABLE video_attendee (
    id uuid CONSTRAINT video_attendee_pkey PRIMARY KEY,
    video_session_id uuid NOT NULL CONSTRAINT video_attendee_session_fkey REFERENCES video_session ON DELETE CASCADE,
    account_id uuid NOT NULL CONSTRAINT video_attendee_account_fkey REFERENCES account,
    role text NOT NULL CONSTRAINT video_attendee_role_known CHECK (role IN ('DOCTOR', 'PATIENT')),
    provider_attendee_id text,
    device_type text NOT NULL DEFAULT '',
    browser_info text NOT NULL DEFAULT '',
    joins integer NOT NULL DEFAULT 1,
    sent integer NOT NULL DEFAULT 0,
    quality text CONSTRAINT video_attendee_quality_known CHECK (quality IN ('GOOD', 'FAIR', 'POOR', 'LOST')),
    mode text CONSTRAINT video_attendee_mode_known CHECK (mode IN ('VIDEO', 'LOW_VIDEO', 'VOICE', 'CHAT')),
    joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz,
    left_at timestamptz,
    CONSTRAINT video_attendee_once UNIQUE (video_session_id, account_id),
    CONSTRAINT video_attendee_one_a_role UNIQUE (video_session_id, role)
);
CREATE INDEX video_attendee_of ON video_attendee (account_id) WHERE left_at IS NULL;

-- What one side tells the other to set up the call, kept until it was read, and no longer than the visit.
CREATE TABLE video_signal (
    video_session_id uuid NOT NULL CONSTRAINT video_signal_session_fkey REFERENCES video_session ON DELETE CASCADE,
    sender_id uuid NOT NULL CONSTRAINT video_signal_sender_fkey REFERENCES account,
    number integer NOT NULL,
    receiver_id uuid NOT NULL CONSTRAINT video_signal_receiver_fkey REFERENCES account,
    device integer NOT NULL,
    kind text NOT NULL CONSTRAINT video_signal_kind_known CHECK (kind IN ('offer', 'answer', 'ice-candidate')),
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT video_signal_pkey PRIMARY KEY (video_session_id, sender_id, number),
    CONSTRAINT video_signal_not_to_oneself CHECK (sender_id <> receiver_id)
);

SELECT protect('video_attendee'), protect('video_signal');
CREATE POLICY read ON video_attendee FOR SELECT USING (
    EXISTS (SELECT FROM video_session v WHERE v.id = video_attendee.video_session_id));
CREATE POLICY come ON video_attendee FOR INSERT WITH CHECK (account_id = app_actor());
CREATE POLICY change ON video_attendee FOR UPDATE USING (account_id = app_actor());
CREATE POLICY tell ON video_signal FOR INSERT WITH CHECK (sender_id = app_actor()
    AND EXISTS (SELECT FROM video_session v WHERE v.id = video_session_id AND receiver_id IN (v.doctor_id, v.patient_id)
        AND app_actor() IN (v.doctor_id, v.patient_id)));
CREATE POLICY own ON video_signal FOR SELECT USING (app_actor() IN (sender_id, receiver_id));
CREATE POLICY forget ON video_signal FOR DELETE USING (app_actor() IN (sender_id, receiver_id));
"""

# The times of a call, and what follows from its end, whoever ends it and from whichever page: the two are out of the
# room, nothing of their signals stays, other systems are told, and a meeting of a provider is closed by a job.
MOVES = """
CREATE FUNCTION video_session_times() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'ACTIVE' THEN
        NEW.actual_start_time := clock_timestamp();
    ELSIF NEW.actual_start_time IS NOT NULL AND NEW.status IN ('COMPLETED', 'CANCELLED') THEN
        NEW.actual_end_time := greatest(coalesce(NEW.actual_end_time, clock_timestamp()), NEW.actual_start_time);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER video_session_moving BEFORE UPDATE OF status ON video_session FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION video_session_times();

CREATE FUNCTION video_minutes(v video_session) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(0, round(extract(epoch FROM v.actual_end_time - v.actual_start_time) / 60))::integer
$$;

CREATE FUNCTION video_session_moved() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
    told jsonb := jsonb_build_object('session_id', NEW.id,
        'appointment_id', coalesce(NEW.appointment_id, NEW.external_appointment_id), 'doctor_id', NEW.doctor_id, 'patient_id', NEW.patient_id);
BEGIN
    IF NEW.status = 'ACTIVE' THEN
        INSERT INTO outbox_event (id, event_type, aggregate_id, data) VALUES (gen_random_uuid(),
            'video.consultation.started', NEW.id, told || jsonb_build_object('started_at', utc_text(NEW.actual_start_time)));
    ELSIF NEW.status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW') THEN
        -- whoever is sending a signal holds their own row: first that, so that none comes after
        UPDATE video_attendee SET left_at = coalesce(NEW.actual_end_time, clock_timestamp())
        WHERE video_session_id = NEW.id AND left_at IS NULL;
        DELETE FROM video_signal WHERE video_session_id = NEW.id;
        IF NEW.provider = 'chime' AND NEW.meeting_id IS NOT NULL THEN
            INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued', 'close_meeting',
                convert_to(jsonb_build_object('meeting_id', NEW.meeting_id)::text, 'UTF8'));
        END IF;
        IF NEW.status = 'COMPLETED' THEN
            INSERT INTO outbox_event (id, event_type, aggregate_id, data) VALUES (gen_random_uuid(),
                'video.consultation.completed', NEW.id, told || jsonb_build_object(
                    'duration_minutes', coalesce(video_minutes(NEW), 0),
                    'completed_at', utc_text(coalesce(NEW.actual_end_time, clock_timestamp())),
                    'session_notes', NEW.session_notes, 'connection_quality_rating', NEW.connection_quality_rating));
        END IF;
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER video_session_has_moved AFTER UPDATE OF status ON video_session FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION video_session_moved();
"""

# Whoever loses their account leaves the room they are in: a job sees to it, which also closes the provider's door.
EXPELLED = """
CREATE FUNCTION video_hears_of_account() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    INSERT INTO pgqueuer (priority, status, entrypoint, payload)
    SELECT 0, 'queued', 'expel_from_video',
        convert_to(jsonb_build_object('session_id', t.video_session_id, 'account_id', NEW.id)::text, 'UTF8')
    FROM video_attendee t JOIN video_session v ON v.id = t.video_session_id
    WHERE t.account_id = NEW.id AND t.left_at IS NULL AND v.status IN ('WAITING', 'ACTIVE');
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER account_leaves_video AFTER UPDATE OF status ON account FOR EACH ROW
    WHEN (OLD.status = 'ACTIVE' AND NEW.status <> 'ACTIVE') EXECUTE FUNCTION video_hears_of_account();
"""


# Events of other systems that have had their effect, so that the second delivery of one has none.
INBOX = """
CREATE TABLE inbox_event (
    id uuid CONSTRAINT inbox_event_pkey PRIMARY KEY,
    event_type text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT protect('inbox_event');
"""


async def create() -> None:
    for script in (TABLES, MOVES, EXPELLED, INBOX):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
