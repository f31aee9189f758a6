"""What is asked of the database about recordings, in one statement each."""

# $1 session, $2 person, $3 whether they agree: no row where nothing changes
CONSENT = """
INSERT INTO recording_consent (video_session_id, account_id, given) VALUES ($1, $2, $3)
ON CONFLICT (video_session_id, account_id) DO UPDATE SET given = EXCLUDED.given, changed_at = clock_timestamp()
    WHERE recording_consent.given <> EXCLUDED.given
RETURNING given
"""
# The room is locked, so nobody takes their word back meanwhile. $1 new id, $2 session, $3 doctor, $4 media type
START = """
INSERT INTO recording (id, video_session_id, provider, media_type)
SELECT $1, v.id, v.provider, CASE v.provider WHEN 'chime' THEN 'video/mp4' ELSE $4 END
FROM video_session v
WHERE v.id = $2 AND v.doctor_id = $3 AND v.status = 'ACTIVE' AND v.provider IS NOT NULL
    AND (SELECT count(*) FROM recording_consent c WHERE c.video_session_id = v.id AND c.given
         AND c.account_id IN (v.doctor_id, v.patient_id)) = 2
ON CONFLICT (video_session_id) WHERE status = 'RUNNING' DO NOTHING
RETURNING id
"""
STOP = """
UPDATE recording SET status = 'STOPPED', stopped_at = clock_timestamp()
WHERE video_session_id = $1 AND status = 'RUNNING' RETURNING id
"""
# The last piece comes after the end. $1 recording, $2 session, $3 doctor, $4 number, $5 key, $6 size, $7 digest
KEEP = """
INSERT INTO recording_piece (recording_id, number, storage_key, size_bytes, digest)
SELECT r.id, $4, $5, $6, $7 FROM recording r JOIN video_session v ON v.id = r.video_session_id
WHERE r.id = $1 AND v.id = $2 AND v.doctor_id = $3 AND r.provider = 'webrtc'
    AND (r.status = 'RUNNING' OR r.status = 'STOPPED' AND r.stopped_at > clock_timestamp() - interval '1 minute')
ON CONFLICT (recording_id, number) DO NOTHING
RETURNING number
"""
PIECE = "SELECT digest FROM recording_piece WHERE recording_id = $1 AND number = $2"
# $1 days, $2 how many
EXPIRED = """
SELECT id, provider FROM recording WHERE status = 'STOPPED' AND stopped_at < clock_timestamp() - make_interval(days => $1)
ORDER BY stopped_at LIMIT $2
"""
PIECES = "SELECT storage_key FROM recording_piece WHERE recording_id = $1"
FORGET = "DELETE FROM recording_piece WHERE recording_id = $1"
DELETE = """
WITH gone AS (
    UPDATE recording r SET status = 'DELETED' FROM video_session v
    WHERE r.id = $1 AND r.status = 'STOPPED' AND v.id = r.video_session_id RETURNING v.id, v.patient_id
)
INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
SELECT 'recording.deleted', 'video_session', id::text, patient_id FROM gone
"""
CAPTURE = """
SELECT r.status, r.pipeline_id, r.pipeline_arn, v.meeting_id FROM recording r
JOIN video_session v ON v.id = r.video_session_id WHERE r.id = $1 AND r.provider = 'chime'
"""
CAPTURED = "UPDATE recording SET pipeline_id = $2, pipeline_arn = $3 WHERE id = $1 RETURNING status"
