"""The hash-chained audit: append-only, chained by the database inside the action's own transaction."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:03:00"
VERSION = "1.38.0"
DESCRIPTION = "audit"

SQL = """
-- Sixteen chains, chosen by the actor, so that unrelated people never wait for each other's commit.
CREATE TABLE audit_head (
    chain smallint CONSTRAINT audit_head_pkey PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO audit_head SELECT chain, 0, sha256(convert_to('care-portal audit chain ' || chain, 'UTF8'))
FROM generate_series(0, 15) AS chain;

CREATE TABLE audit_event (
    chain smallint NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    actor_role text,
    action text NOT NULL,
    outcome text NOT NULL DEFAULT 'OK' CONSTRAINT audit_event_outcome_known CHECK (outcome IN ('OK', 'DENIED', 'FAILED')),
    subject_type text NOT NULL,
    subject_id text NOT NULL,
    patient_id uuid,
    reason text,
    request_id text,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_event_pkey PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_event_of_patient ON audit_event (patient_id, at DESC) WHERE patient_id IS NOT NULL;
CREATE INDEX audit_event_of_actor ON audit_event (actor_id, at DESC);
CREATE INDEX audit_event_at ON audit_event (at DESC);

-- What is hashed: every column in a fixed order, joined by a unit separator that no column can hold.
CREATE FUNCTION audit_digest(event audit_event) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(event.previous_hash || convert_to(concat_ws(E'\x1f',
        event.chain, event.seq, extract(epoch FROM event.at), coalesce(event.actor_id::text, ''), coalesce(event.actor_role, ''),
        event.action, event.outcome, event.subject_type, event.subject_id, coalesce(event.patient_id::text, ''),
        coalesce(event.reason, ''), coalesce(event.request_id, '')), 'UTF8'))
$$;

CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE head audit_head;
BEGIN
    NEW.chain := coalesce(get_byte(uuid_send(NEW.actor_id), 15) % 16, 0);
    SELECT * INTO STRICT head FROM audit_head WHERE chain = NEW.chain FOR UPDATE;
    NEW.seq := head.seq + 1;
    NEW.at := clock_timestamp();
    NEW.previous_hash := head.hash;
    NEW.hash := audit_digest(NEW);
    UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash WHERE chain = NEW.chain;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_event_chained BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_chain();

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_event is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_event_unchanged BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_event_kept BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
