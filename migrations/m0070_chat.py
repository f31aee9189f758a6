"""The conversation of a visit: its messages in one order, how far each of the two has read, and the files they sent."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:70:00"
VERSION = "1.38.0"
DESCRIPTION = "chat"

# A conversation's row is locked by whoever adds to it until the commit, so numbers become visible in their order: what
# comes after a number that somebody has seen has a greater one.
TABLES = """
CREATE TABLE conversation (
    appointment_id uuid CONSTRAINT conversation_pkey PRIMARY KEY
        CONSTRAINT conversation_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    last_number int NOT NULL DEFAULT 0,
    patient_read int NOT NULL DEFAULT 0,
    doctor_read int NOT NULL DEFAULT 0,
    patient_unread int NOT NULL DEFAULT 0,
    doctor_unread int NOT NULL DEFAULT 0,
    files int NOT NULL DEFAULT 0,
    file_bytes bigint NOT NULL DEFAULT 0,
    CONSTRAINT conversation_read_range CHECK (
        patient_read BETWEEN 0 AND last_number AND doctor_read BETWEEN 0 AND last_number),
    CONSTRAINT conversation_unread_range CHECK (
        patient_unread BETWEEN 0 AND last_number AND doctor_unread BETWEEN 0 AND last_number)
);

CREATE TABLE chat_file (
    id uuid CONSTRAINT chat_file_pkey PRIMARY KEY,
    appointment_id uuid NOT NULL CONSTRAINT chat_file_conversation_fkey REFERENCES conversation ON DELETE CASCADE,
    sender_id uuid NOT NULL CONSTRAINT chat_file_sender_fkey REFERENCES account,
    storage_key text NOT NULL CONSTRAINT chat_file_kept_once UNIQUE,
    name text NOT NULL CONSTRAINT chat_file_name_length CHECK (length(name) BETWEEN 1 AND 150),
    media_type text NOT NULL CONSTRAINT chat_file_type_known
        CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png', 'image/webp')),
    size int NOT NULL CONSTRAINT chat_file_size_range CHECK (size BETWEEN 1 AND 67108864),
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX chat_file_of ON chat_file (appointment_id, sent_at);

CREATE TABLE message (
    id uuid CONSTRAINT message_pkey PRIMARY KEY,
    appointment_id uuid NOT NULL CONSTRAINT message_conversation_fkey REFERENCES conversation ON DELETE CASCADE,
    number int NOT NULL CONSTRAINT message_number_range CHECK (number > 0),
    sender_id uuid NOT NULL CONSTRAINT message_sender_fkey REFERENCES account,
    client_id uuid NOT NULL,
    body text NOT NULL CONSTRAINT message_body_length CHECK (length(body) <= 4000),
    file_id uuid CONSTRAINT message_file_fkey REFERENCES chat_file CONSTRAINT message_file_once UNIQUE,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT message_in_order UNIQUE (appointment_id, number),
    CONSTRAINT message_once UNIQUE (appointment_id, sender_id, client_id),
    CONSTRAINT message_says_something CHECK (body <> '' OR file_id IS NOT NULL)
);

-- From when on a conversation is only read, before the days that a setting adds. A visit that was cancelled ends then.
CREATE FUNCTION chat_ends(visit appointment) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE visit.status WHEN 'COMPLETED' THEN coalesce(visit.actual_end_time, visit.ends_at)
        WHEN 'CANCELLED' THEN least(visit.ends_at, (SELECT max(h.at) FROM appointment_history h
            WHERE h.appointment_id = visit.id AND h.to_status = 'CANCELLED'))
        ELSE visit.ends_at END
$$;
"""

# For the patient and the doctor of the visit, and for nobody else who may see it; what was sent is never changed.
POLICIES = """
SELECT protect('conversation'), protect('chat_file'), protect('message');
CREATE POLICY two ON conversation USING (
    EXISTS (SELECT FROM appointment a WHERE a.id = appointment_id AND app_actor() IN (a.patient_id, a.doctor_id)));
CREATE POLICY read ON chat_file FOR SELECT USING (
    EXISTS (SELECT FROM conversation c WHERE c.appointment_id = chat_file.appointment_id));
CREATE POLICY send ON chat_file FOR INSERT WITH CHECK (sender_id = app_actor()
    AND EXISTS (SELECT FROM conversation c WHERE c.appointment_id = chat_file.appointment_id));
CREATE POLICY read ON message FOR SELECT USING (
    EXISTS (SELECT FROM conversation c WHERE c.appointment_id = message.appointment_id));
CREATE POLICY send ON message FOR INSERT WITH CHECK (sender_id = app_actor()
    AND EXISTS (SELECT FROM conversation c WHERE c.appointment_id = message.appointment_id));
"""


async def create() -> None:
    for script in (TABLES, POLICIES):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
