"""Put a back-up into an empty database, such that nothing leaves the portal twice and everybody signs in again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from portal import __version__, db
from portal.audit import anchors, queries
from portal.audit.schemas import ChainCheck
from portal.backup import BackupError, archive, programs
from portal.backup.archive import Manifest
from portal.backup.saving import SERVER, connect, counts
from portal.migrations import known, migrate
from portal.settings import Settings

HELD = "held by a restore: may have been delivered before"

# Part of the restore's own transaction, so that no worker can see a moment in which it could send.
# Since the back-up the old system may have sent what waited then, ended logins and used up links: it all ends here.
# Requests that were under way in the back-up are so no more, and left nothing in it: their keys are free again.
AFTERWARDS = """
RESET ALL;
DO $$ DECLARE admit text; BEGIN
    FOR admit IN SELECT p.oid::regproc FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proname ^@ 'admit_' ORDER BY p.proname LOOP
        EXECUTE 'SELECT ' || admit || '()';
    END LOOP;
END $$;
UPDATE outbox_event SET dead_at = clock_timestamp(), last_error = 'held by a restore: may have been delivered before'
WHERE delivered_at IS NULL AND dead_at IS NULL;
UPDATE pgqueuer SET status = 'failed', headers = '{"held_by": "restore"}'
WHERE status IN ('queued', 'picked');
UPDATE mail SET failed_at = clock_timestamp() WHERE body IS NULL;
UPDATE login SET revoked_at = clock_timestamp(), revoked_reason = 'restored' WHERE revoked_at IS NULL;
DELETE FROM refresh_token;
DELETE FROM idempotency_key WHERE done_at IS NULL AND answer IS NULL;
UPDATE password_reset SET used_at = clock_timestamp() WHERE used_at IS NULL;
INSERT INTO audit_event (action, subject_type, subject_id) VALUES ('system.restored', 'backup', clock_timestamp()::text);
"""
EMPTIED = {"refresh_token", "idempotency_key"}
HELD_NOW = """
SELECT (SELECT count(*) FROM outbox_event WHERE dead_at IS NOT NULL AND last_error = $1) AS events,
       (SELECT count(*) FROM pgqueuer WHERE status = 'failed' AND headers->>'held_by' = 'restore')
       + (SELECT count(*) FROM mail WHERE body IS NULL AND failed_at IS NOT NULL) AS jobs
"""
RELEASE_EVENTS = """
UPDATE outbox_event SET dead_at = NULL, last_error = NULL, attempts = 0, due_at = clock_timestamp()
WHERE dead_at IS NOT NULL AND last_error = $1
"""
RELEASE_MAILS = """
UPDATE pgqueuer SET status = 'queued', attempts = 0, headers = NULL, queue_manager_id = NULL, execute_after = clock_timestamp()
WHERE status = 'failed' AND headers->>'held_by' = 'restore'
"""
RELEASE_WORDLESS = "UPDATE mail SET failed_at = NULL WHERE body IS NULL AND failed_at IS NOT NULL"
IS_EMPTY = """
SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' AND c.relkind IN ('r', 'p', 'v'))
"""


@dataclass
class Restored:
    """What a restore brought back, what it held back, and whether the audit is whole."""

    manifest: Manifest
    check: ChainCheck
    events: int
    jobs: int
    lost: int  # rows of the audit that this machine's anchors know and the back-up does not
    wrong_counts: list[str]
    migrated: bool


async def restore(settings: Settings, path: Path, *, lost_keys: bool = False) -> Restored:
    """Check the file, put it into an empty database, and check that too. Raises `BackupError`; then nothing has changed.

    `lost_keys` takes a back-up of other keys; its anchors, which nobody can check any more, stay out.
    """
    with archive.reading(path) as (found, manifest):
        refuse_other_versions(path, manifest)
        if lost_keys:
            archive.check_parts(path, found, manifest)
        else:
            archive.check_signature(path, found, manifest, archive.key_of(settings))
        await put_database(settings, path, found, manifest)
        lost = rows_known_beyond(settings, manifest)
        if not lost_keys:
            put_files(settings, found, manifest)
    return await finish(settings, manifest, lost)


def refuse_other_versions(path: Path, manifest: Manifest) -> None:
    """Raises `BackupError` when this program or its PostgreSQL programs are older than what made the back-up."""
    if unknown := sorted(set(manifest.migrations) - set(known())):
        raise BackupError(
            f"{path}: made by version {manifest.version}, newer than this one ({__version__}): it has {unknown[-1]}"
        )
    if (ours := programs.major_version("pg_restore")) < manifest.program:
        raise BackupError(f"{path}: written by pg_dump {manifest.program}; pg_restore here is {ours}, which is older")


async def put_database(settings: Settings, path: Path, found: ZipFile, manifest: Manifest) -> None:
    connection = await connect(settings)
    try:
        if not await connection.fetchval(IS_EMPTY):
            raise BackupError("the database is not empty: a back-up goes into an empty one only")
        server = await connection.fetchval(SERVER)
        if server < manifest.server:
            raise BackupError(f"{path}: of PostgreSQL {manifest.server}; this server is {server}, which is older")
    finally:
        await connection.close()
    with found.open(archive.DATABASE) as part:
        programs.restore(part, settings.database_url, server, AFTERWARDS)


def rows_known_beyond(settings: Settings, manifest: Manifest) -> int:
    """How many rows of the audit this machine's anchors saw after the back-up had been made."""
    reached, known_heads = dict(manifest.reached), anchors.read(settings).heads
    newest = {chain: max(seq for seq, _ in kept) for chain, kept in known_heads.items() if kept}
    return sum(max(0, seq - reached.get(chain, 0)) for chain, seq in newest.items())


def put_files(settings: Settings, found: ZipFile, manifest: Manifest) -> None:
    """Put the files back; one that is there already and goes on as the saved one did stays, any other keeps its name."""
    for name in manifest.parts:
        if not name.startswith("files/"):
            continue
        target = settings.data / name.removeprefix("files/")
        content = found.read(name)
        if target.exists() and not target.read_bytes().startswith(content):
            target = target.with_stem(f"{target.stem}.of-{manifest.made_at:%Y%m%dT%H%M%S}")
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o600)


async def finish(settings: Settings, manifest: Manifest, lost: int) -> Restored:
    """Note the restore in the anchors, bring an older schema up to date, and check what is there now."""
    connection = await connect(settings)
    try:
        now = await counts(connection, list(manifest.counts))
        held = await connection.fetchrow(HELD_NOW, HELD)
        assert held is not None
    finally:
        await connection.close()
    expected = {name: number for name, number in manifest.counts.items() if name not in EMPTIED}
    expected["audit_event"] += 1
    is_older = set(manifest.migrations) < set(known())
    if is_older:
        await migrate(settings)
    await db.connect(settings, owner=True)
    try:
        at, heads = await queries.heads()
        anchors.write(settings, at, heads, restored=manifest.reached)
        check = await queries.check_chains(settings)
    finally:
        await db.disconnect()
    wrong = [
        f"{name}: {now[name]} rows instead of {number}" for name, number in expected.items() if now[name] != number
    ]
    return Restored(manifest, check, held["events"], held["jobs"], lost, wrong, is_older)


def described(done: Restored) -> Iterator[str]:
    """What the operator must know, a line each."""
    yield f"restored the back-up of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, made by version {done.manifest.version}"
    if done.migrated:
        yield "it was of an older version: its tables have been brought up to date"
    if done.lost:
        yield f"{done.lost} rows of the audit were written after it and are lost; this machine's anchors know their hashes"
    if done.events or done.jobs:
        yield (
            f"held back, because they may have been sent since: {done.events} events, {done.jobs} mails; "
            "`portal release events` and `portal release mails` send them"
        )
    yield from (f"NOT as it was saved: {wrong}" for wrong in done.wrong_counts)
    yield "everybody signs in again"


async def release(settings: Settings, what: str) -> int:
    """Let go what a restore has held back: `events` or `mails`; how many."""
    await db.connect(settings, owner=True)
    try:
        if what == "events":
            return await db.execute(RELEASE_EVENTS, HELD)
        return await db.execute(RELEASE_MAILS) + await db.execute(RELEASE_WORDLESS)
    finally:
        await db.disconnect()
