"""Recordings of video visits: who agreed, what runs, and where the pieces are."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:78:00"
VERSION = "1.38.0"
DESCRIPTION = "recordings"

TABLES = """
CREATE TABLE recording_consent (
    video_session_id uuid NOT NULL CONSTRAINT recording_consent_session_fkey REFERENCES video_session ON DELETE CASCADE,
    account_id uuid NOT NULL CONSTRAINT recording_consent_account_fkey REFERENCES account,
    given boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT recording_consent_pkey PRIMARY KEY (video_session_id, account_id)
);
CREATE TABLE recording (
    id uuid CONSTRAINT recording_pkey PRIMARY KEY,
    video_session_id uuid NOT NULL CONSTRAINT recording_session_fkey REFERENCES video_session ON DELETE CASCADE,
    provider text NOT NULL CONSTRAINT recording_provider_known CHECK (provider IN ('chime', 'webrtc')),
    media_type text NOT NULL CONSTRAINT recording_media_known CHECK (media_type IN ('video/webm', 'video/mp4')),
    status text NOT NULL DEFAULT 'RUNNING' CONSTRAINT recording_status_known
        CHECK (status IN ('RUNNING', 'STOPPED', 'DELETED')),
    pipeline_id text,
    pipeline_arn text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_at timestamptz,
    CONSTRAINT recording_stopped_ended CHECK ((status = 'RUNNING') = (stopped_at IS NULL))
);
CREATE UNIQUE INDEX recording_one_at_a_time ON recording (video_session_id) WHERE status = 'RUNNING';
CREATE INDEX recording_of ON recording (video_session_id, started_at);
CREATE INDEX recording_to_delete ON recording (stopped_at) WHERE status = 'STOPPED';
CREATE TABLE recording_piece (
    recording_id uuid NOT NULL CONSTRAINT recording_piece_recording_fkey REFERENCES recording ON DELETE CASCADE,
    number integer NOT NULL CONSTRAINT recording_piece_number_counts CHECK (number >= 0),
    storage_key text NOT NULL CONSTRAINT recording_piece_one_file UNIQUE,
    size_bytes integer NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT recording_piece_pkey PRIMARY KEY (recording_id, number)
);

SELECT protect('recording_consent'), protect('recording'), protect('recording_piece');
CREATE POLICY read ON recording_consent FOR SELECT USING (EXISTS (SELECT FROM video_session v
    WHERE v.id = recording_consent.video_session_id AND app_actor() IN (v.doctor_id, v.patient_id)));
CREATE POLICY give ON recording_consent FOR INSERT WITH CHECK (account_id = app_actor());
CREATE POLICY change ON recording_consent FOR UPDATE USING (account_id = app_actor());
CREATE POLICY read ON recording FOR SELECT USING (EXISTS (SELECT FROM video_session v
    WHERE v.id = recording.video_session_id AND app_actor() IN (v.doctor_id, v.patient_id)));
CREATE POLICY start ON recording FOR INSERT WITH CHECK (EXISTS (SELECT FROM video_session v
    WHERE v.id = recording.video_session_id AND v.doctor_id = app_actor()));
CREATE POLICY stop ON recording FOR UPDATE USING (EXISTS (SELECT FROM video_session v
    WHERE v.id = recording.video_session_id AND app_actor() IN (v.doctor_id, v.patient_id)));
CREATE POLICY read ON recording_piece FOR SELECT USING (
    EXISTS (SELECT FROM recording r WHERE r.id = recording_piece.recording_id));
CREATE POLICY keep ON recording_piece FOR INSERT WITH CHECK (EXISTS (SELECT FROM recording r
    JOIN video_session v ON v.id = r.video_session_id WHERE r.id = recording_piece.recording_id AND v.doctor_id = app_actor()));
"""

# The trail of a session says what became of its recording, whoever did it; what a provider records is begun and ended by
# jobs of the same transaction. A visit that is over is not recorded any longer, nor one whose consent is taken back.
MOVES = """
CREATE FUNCTION recording_moved() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    INSERT INTO video_event (video_session_id, event_type, actor_id) VALUES (NEW.video_session_id,
        CASE NEW.status WHEN 'RUNNING' THEN 'RECORDING_STARTED' ELSE 'RECORDING_' || NEW.status END, app_actor());
    IF NEW.provider = 'chime' AND NEW.status IN ('RUNNING', 'STOPPED') THEN
        INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued',
            CASE NEW.status WHEN 'RUNNING' THEN 'start_capture' ELSE 'stop_capture' END,
            convert_to(jsonb_build_object('recording_id', NEW.id)::text, 'UTF8'));
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER recording_begun AFTER INSERT ON recording FOR EACH ROW EXECUTE FUNCTION recording_moved();
CREATE TRIGGER recording_ended AFTER UPDATE OF status ON recording FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION recording_moved();

CREATE FUNCTION recording_consent_told() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    INSERT INTO video_event (video_session_id, event_type, actor_id) VALUES (NEW.video_session_id,
        CASE WHEN NEW.given THEN 'RECORDING_CONSENT_GIVEN' ELSE 'RECORDING_CONSENT_WITHDRAWN' END, NEW.account_id);
    IF NOT NEW.given THEN
        UPDATE recording SET status = 'STOPPED', stopped_at = clock_timestamp()
        WHERE video_session_id = NEW.video_session_id AND status = 'RUNNING';
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER recording_consent_changed AFTER INSERT OR UPDATE ON recording_consent FOR EACH ROW
    EXECUTE FUNCTION recording_consent_told();

CREATE FUNCTION recording_ends_with_visit() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    UPDATE recording SET status = 'STOPPED', stopped_at = clock_timestamp()
    WHERE video_session_id = NEW.id AND status = 'RUNNING';
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER video_session_recorded AFTER UPDATE OF status ON video_session FOR EACH ROW
    WHEN (OLD.status = 'ACTIVE' AND NEW.status <> 'ACTIVE') EXECUTE FUNCTION recording_ends_with_visit();
"""


async def create() -> None:
    for script in (TABLES, MOVES):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
