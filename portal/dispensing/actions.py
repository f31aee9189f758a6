"""The counter: a prescription opened, medicines given out, and taken back."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.dispensing import events, policy, queries, refusals, statements
from portal.dispensing.refusals import refusal
from portal.dispensing.schemas import (
    CODE_TRIES,
    PHARMACY_TRIES,
    TRIES_SECONDS,
    UNDO_SECONDS,
    CounterPrescription,
    Dispense,
    NewDispense,
    Opening,
    WantedLine,
)
from portal.errors import Conflict, Forbidden, NotFound, TooMany
from portal.faults import fault
from portal.ids import uuid7
from portal.inventory import ledger
from portal.inventory.schemas import TransactionType
from portal.prescriptions import keys
from portal.prescriptions.numbers import read_code, shown_code
from portal.web.i18n import _
from portal.web.requests import request_id


@db.retried
async def open_prescription(actor: Actor, opening: Opening) -> CounterPrescription:
    """Open a prescription at the actor's pharmacy, by what only its bearer can tell.

    Raises `Forbidden`; `NotFound`, the same whether there is no such code, the date of birth is another, or the pharmacy
    is not active; `TooMany` after some wrong tries, of one code or of one pharmacy, whichever process they come to.
    """
    if not policy.may_dispense(actor):
        raise Forbidden
    code = read_code(opening.code)
    whose = [f"pharmacy:{actor.pharmacy_id}", f"code:{code}"] if code else []
    if whose:
        await _count_try(actor, whose)
    async with db.transaction(), db.as_portal():  # it is nobody's here before it is opened
        values = (code, opening.date_of_birth, actor.pharmacy_id, actor.id, request_id(), whose)
        opened = await db.fetch_value(statements.OPEN, *values)
    if opened is None:
        raise NotFound(_("No prescription has this code and this date of birth. Check both."))
    return await queries.get_for_counter(actor, opened)


async def _count_try(actor: Actor, whose: list[str]) -> None:
    """Counted before it is tried, so that many at once gain nothing. Raises `TooMany`."""
    async with db.transaction():
        async with db.as_portal():  # nobody counts for themselves
            rows = await db.fetch(statements.TRY, whose, float(TRIES_SECONDS))
        over = [
            row["seconds"] for row, most in zip(rows, (PHARMACY_TRIES, CODE_TRIES), strict=True) if row["tries"] > most
        ]
        if over:
            await record_in_tx(
                actor, "prescription.opened", subject_type="pharmacy", subject_id=actor.pharmacy_id or "",
                reason="too_many_requests", outcome="DENIED",
            )  # fmt: skip
    if over:
        raise TooMany(
            max(over), _("Too many wrong codes or dates of birth. Wait, or ask the patient to send it to you.")
        )


async def dispense(actor: Actor, prescription_id: UUID, wanted: NewDispense) -> Dispense:
    """Give out so much of these items: stock, ledger, what is left of the prescription and its status move together.

    Raises `Forbidden`, `NotFound`, and `Conflict`, each with a row in the audit: `expired`, `cancelled`,
    `already_filled`, `identity_not_checked`, `over_quantity`, `wrong_strength`, `wrong_unit`, `not_a_substitute`,
    `reason_needed`, `choose_item`, `batch_not_here`, `batch_expired`, `batch_recalled`, `out_of_stock`, `pharmacy_suspended`.
    """
    if not policy.may_dispense(actor) or actor.pharmacy_id is None:
        raise Forbidden
    try:
        dispense_id = await _give_out(actor, actor.pharmacy_id, prescription_id, wanted)
    except Conflict as refused:
        await _note_refusal(actor, "prescription.dispensed", prescription_id, refused)
        raise
    return await queries.get_dispense(actor, dispense_id)


@db.retried
async def _give_out(actor: Actor, pharmacy_id: UUID, prescription_id: UUID, wanted: NewDispense) -> UUID:
    dispense_id = uuid7()
    async with db.transaction():
        begun = await db.fetch_row(
            statements.BEGIN, prescription_id, pharmacy_id, actor.id, dispense_id, wanted.identity_checked
        )
        if begun is None:
            raise NotFound
        if begun["refusal"]:
            raise refusal(begun["refusal"])
        if not _is_authentic(begun):
            raise refusal("not_authentic")
        lines = await _lines_in_tx(pharmacy_id, prescription_id, wanted.items)
        await _fill_in_tx(prescription_id, wanted.items)
        for line, item_id in lines:
            await _take_in_tx(actor, pharmacy_id, dispense_id, shown_code(begun["code"]), line, item_id)
        ids = [uuid7(), uuid7()]
        values = (prescription_id, actor.id, request_id(), ids, "prescription.dispensed", "")
        moved = await db.fetch_row(statements.GIVEN_OUT, *values)
        if moved is None:
            raise refusal("wrong_status")
        await events.publish_in_tx(moved, "prescription.dispensed", dispense_id)
    return dispense_id


def _is_authentic(row: Any) -> bool:
    """Whether what is stored is what the doctor signed."""
    signed = keys.Signed(row["content"], row["content_hash"], row["signature"], row["key_id"])
    return keys.holds(signed, row["code"], row["issued_at"], row["valid_until"], row["public_key"])


async def _lines_in_tx(
    pharmacy_id: UUID, prescription_id: UUID, wanted: list[WantedLine]
) -> list[tuple[WantedLine, UUID]]:
    """Each line with the item of the catalogue that is given out for it, in the order in which stock is taken."""
    columns = [[getattr(line, name) for line in wanted] for name in ("prescription_item_id", "item_id", "batch_id")]
    rows = await db.fetch(statements.LINES, prescription_id, pharmacy_id, *columns)
    for row in rows:
        refused = refusals.of_line(row, wanted[row["number"]])
        if refused:
            raise refused
    return [(wanted[row["number"]], row["item_id"]) for row in rows]


async def _fill_in_tx(prescription_id: UUID, wanted: list[WantedLine]) -> None:
    ids, quantities = [line.prescription_item_id for line in wanted], [line.quantity for line in wanted]
    if await db.execute(statements.FILL, prescription_id, ids, quantities) != len(wanted):
        raise refusal("over_quantity")


async def _take_in_tx(
    actor: Actor, pharmacy_id: UUID, dispense_id: UUID, code: str, line: WantedLine, item_id: UUID
) -> None:
    taken = await ledger.take_in_tx(  # the code says for what; why it was another medicine is the prescription's own
        actor, pharmacy_id, item_id, line.quantity, TransactionType.DISPENSE, "", line.batch_id, document=code
    )
    batches = [one.batch_id for one in taken]
    values = (dispense_id, line.prescription_item_id, line.substitute_reason, batches, pharmacy_id, code)
    if await db.execute(statements.GIVEN, *values) != len(taken):
        raise RuntimeError("the ledger and what was given out differ")


async def undo_dispense(actor: Actor, dispense_id: UUID) -> Dispense:
    """Take back what this pharmacy gave out in the last 15 minutes: into its batches, and onto the prescription.

    Raises `Forbidden`, `NotFound`, and `Conflict`: `already_undone`, `too_late`, `pharmacy_suspended`.
    """
    if not policy.may_dispense(actor) or actor.pharmacy_id is None:
        raise Forbidden
    prescription_id = await queries.prescription_of(actor, dispense_id)
    try:
        await _take_back(actor, actor.pharmacy_id, dispense_id)
    except Conflict as refused:
        await _note_refusal(actor, "prescription.dispense_undone", prescription_id, refused)
        raise
    return await queries.get_dispense(actor, dispense_id)


@db.retried
async def _take_back(actor: Actor, pharmacy_id: UUID, dispense_id: UUID) -> None:
    # What was given out here is taken back here, also when the patient has sent the rest elsewhere meanwhile.
    async with db.transaction(), db.as_portal():
        prescription = await db.fetch_row(statements.LOCK_FOR_UNDO, dispense_id, pharmacy_id)
        if prescription is None:
            raise NotFound
        back = await db.fetch(statements.UNDO, dispense_id, pharmacy_id, actor.id, float(UNDO_SECONDS))
        if not back:
            raise await _why_not_undone(dispense_id, pharmacy_id)
        await fault("in_undo")
        taken: list[tuple[UUID, Decimal]] = [(row["batch_id"], row["quantity"]) for row in back]
        await ledger.give_back_in_tx(actor, pharmacy_id, taken, "", document=shown_code(prescription["code"]))
        values = (actor.id, request_id(), [uuid7(), uuid7()], "prescription.dispense_undone", "undone")
        moved: Any = await db.fetch_row(statements.TAKEN_BACK, prescription["id"], *values)
        await events.publish_in_tx(moved, "prescription.dispense_undone", dispense_id)


async def _why_not_undone(dispense_id: UUID, pharmacy_id: UUID) -> Conflict:
    row: Any = await db.fetch_row(statements.WHY_NOT_UNDONE, dispense_id, pharmacy_id)
    if not row["active"]:
        return refusal("pharmacy_suspended")
    return refusal("already_undone" if row["undone"] else "too_late")


async def _note_refusal(actor: Actor, action: str, prescription_id: UUID, refused: Conflict) -> None:
    """Everything else has been undone; that it was tried, and why not, stands."""
    async with db.as_portal():  # whose prescription it is, also where it may be seen no longer
        values = (actor.id, actor.role.value, action, prescription_id, refused.code, request_id())
        await db.execute(statements.REFUSED, *values)
