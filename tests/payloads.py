"""Texts that would become scripts, markup or htmx attributes where somebody forgot to escape them (D9).

All of them hold `MARK`; what runs calls `hit(…)`. `fill` puts a text into every column that holds what a person typed.
"""

from typing import Any

import asyncpg

MARK = "zx7"
HIT = f"hit('{MARK}')"
BREAKERS = [
    "", '">', "'>", "</textarea>", "</title>", "</script>", "--> ", "</option></select>", "</style>", "]]>", "`>",
]  # fmt: skip
CORES = [
    f"<script>{HIT}</script>",
    f'<img src={MARK} onerror="{HIT}">',
    f'<svg onload="{HIT}"><circle r={MARK}></svg>',
    f'<a href="javascript:{HIT}" autofocus onfocus="{HIT}">{MARK}</a>',
    f'<div hx-get="/{MARK}" hx-trigger="load">{MARK}</div>',
    f'<b hx-on:click="{HIT}" hx-on::load="{HIT}" data-hx-on:htmx:load="{HIT}">{MARK}</b>',
    f"<i hx-get=/{MARK} hx-trigger=load hx-vals='js:{{a: {HIT}}}'>{MARK}</i>",
    f'<iframe srcdoc="<script>parent.{HIT}</script>"></iframe>',
    f'<form action="//{MARK}.example"><button formaction="javascript:{HIT}">{MARK}</button>',
    f'<base href="//{MARK}.example/"><meta http-equiv="refresh" content="0;url=javascript:{HIT}">',
]
OTHERS = [
    f'" onfocus="{HIT}" autofocus x="{MARK}',
    f"' onfocus='{HIT}' autofocus x='{MARK}",
    f"x onmouseover={HIT} {MARK}",
    f'" hx-get="/{MARK}" hx-trigger="load" x="',
    f"\" hx-vals='js:{{a: {HIT}}}' hx-get='/{MARK}' hx-trigger='load' x=\"",
    f"javascript:{HIT}",
    f"JaVaScRiPt&colon;{HIT}",
    f"data:text/html,<script>parent.{HIT}</script>",
    f"//{MARK}.example/x",
    f"[{MARK}](javascript:{HIT})",
    f"![{MARK}](x' onerror='{HIT})",
    f"<{MARK}@example.org>",
    f"{{{{7*7}}}}{MARK}{{% if 1 %}}{{{{ config }}}}",
    f"${{{HIT}}}#{{{HIT}}}<%= {HIT} %>{MARK}",
    f"&lt;script&gt;{HIT}&lt;/script&gt;{MARK}",
    f"\\u003cscript\\u003e{HIT}\\u003c/script\\u003e{MARK}",
    f"%3Cscript%3E{HIT}%3C/script%3E{MARK}",
    f"\uff1cscript\uff1e{HIT}\uff1c/script\uff1e{MARK}",
    f"<details open ontoggle={HIT}><summary>{MARK}",
    f'<video><source onerror="{HIT}" src={MARK}></video>',
    f'<noscript><p title="</noscript><img src={MARK} onerror={HIT}>">',
    f"<math><mtext><table><mglyph><style><img src={MARK} onerror={HIT}></style>",
    f"<svg><animate onbegin={HIT} attributeName={MARK} dur=1s></svg>",
    f'<template id="{MARK}"><script>{HIT}</script></template><p id=csrf-token name=csrf-token content={MARK}>',
    f"\r\ndata: <script>{HIT}</script>\r\n\r\nid: {MARK}\r\nevent: {MARK}\r\n\r\n",
    f"\nX-{MARK}: y\r\nBcc: {MARK}@example.org\r\n\r\n<script>{HIT}</script>",
]
PAYLOADS = [breaker + core for breaker in BREAKERS for core in CORES] + OTHERS

COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns JOIN information_schema.tables t USING (table_name)
WHERE t.table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
    AND (data_type IN ('text', 'jsonb') OR udt_name = '_text')
ORDER BY 1, 2
"""
# What nobody types, or what has a form that no markup fits in; the rest of the text columns is filled.
FORMED = {
    "account.email", "clinic.email", "account.phone_number", "clinic.phone_number", "pharmacy.phone_number", "doctor.languages",
    "account.password_hash", "mail.recipient", "notification.link",
    "video_session.provider", "video_session.meeting_id", "video_session.media_region", "video_session.media_placement",
    "video_attendee.provider_attendee_id", "video_attendee.quality", "video_attendee.mode", "video_signal.data",
    "chat_file.storage_key", "recording.provider", "recording_piece.storage_key",
}  # fmt: skip
OURS = (
    "status", "role", "kind", "_type", "locale", "time_zone", "appearance", "currency", "action", "outcome", "request_id",
    "subject_id", "needs_attention", "sex", "revoked_reason", "state", "how", "about",
)  # fmt: skip
INTERNAL = (
    "doctor_search", "doctor_place", "pgqueuer", "migration", "idempotency_key", "outbox_event", "search_", "audit_",
    "background_task", "running_process", "code_try",
)  # fmt: skip
UNIQUE = {"specialty.name", "department.name", "catalog_item.name", "batch.batch_number"}
SHORT = {
    "wall_link.name": 100, "message.body": 4000, "chat_file.name": 150, "catalog_item.name": 190,
    "catalog_item.active_ingredient": 200, "catalog_item.form": 100, "catalog_item.strength": 100, "batch.batch_number": 50,
}  # fmt: skip  # what the table itself keeps short
# Lists of small objects: the fields that hold text, with as much as each takes, and how many entries there may be.
LISTS: dict[str, tuple[dict[str, int], dict[str, Any], int]] = {
    "allergies": ({"substance": 100, "reaction": 200}, {"severity": "MILD"}, 100),
    "conditions": ({"name": 100, "note": 200}, {"since": 2001}, 100),
    "emergency_contacts": ({"name": 100, "relationship": 60}, {"phone_number": "+14155550123"}, 10),
}

APPENDED = {
    "stock_transaction",
    "dispense_line",
    "prescription_item",
    "prescription",
    "visit_note_version",
}  # no row of it is ever changed, but for this


def is_typed(table: str, column: str) -> bool:
    """Whether a column holds text as a person wrote it."""
    return f"{table}.{column}" not in FORMED and not column.endswith(OURS) and not table.startswith(INTERNAL)


async def typed_columns(connection: asyncpg.Connection) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in await connection.fetch(COLUMNS) if is_typed(row[0], row[1])]


async def fill(connection: asyncpg.Connection, texts: list[str]) -> list[str]:
    """Put all the texts into every such column of every row; the names of the columns."""
    filled, text = [], " ".join(texts)
    for table, column, kind in await typed_columns(connection):
        longest = SHORT.get(f"{table}.{column}")
        value: Any = entries(column, texts) if kind == "jsonb" else text[:longest]
        unique = f' || right("{table}".id::text, 8)' if f"{table}.{column}" in UNIQUE else ""
        await connection.execute(f"SET session_replication_role = {'replica' if table in APPENDED else 'origin'}")
        await connection.execute(f'UPDATE "{table}" SET "{column}" = $1{unique}', value)
        filled.append(f"{table}.{column}")
    await connection.execute("SET session_replication_role = replica")  # the audit lets nobody change a row
    await connection.execute("UPDATE audit_event SET reason = $1 WHERE reason IS NOT NULL", text)
    await connection.execute("SET session_replication_role = DEFAULT")
    return [*filled, "audit_event.reason"]


def entries(column: str, texts: list[str]) -> list[dict[str, Any]]:
    """One entry for each text, in every field that is long enough for it."""
    fields, others, most = LISTS[column]
    return [
        {name: text if len(text) <= longest else MARK for name, longest in fields.items()} | others
        for text in texts[:most]
    ]
