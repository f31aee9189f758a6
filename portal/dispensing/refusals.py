"""Why nothing is given out: each reason with its own code, in the pharmacist's words."""

from decimal import Decimal
from typing import Any

from portal.dispensing.schemas import WantedLine
from portal.errors import Conflict, DomainError, NotFound
from portal.web.i18n import N_, _

WORDS = {
    "pharmacy_suspended": N_("This pharmacy is not active. It can give nothing out."),
    "cancelled": N_("The doctor has cancelled this prescription."),
    "expired": N_("This prescription is no longer valid."),
    "already_filled": N_("Everything on this prescription has been given out already."),
    "wrong_status": N_("This prescription is in a state in which nothing can be given out."),
    "not_authentic": N_("The signature of this prescription does not fit. Give nothing out, and tell the operators."),
    "identity_not_checked": N_("Compare name and date of birth with a document first, and say that you did."),
    "over_quantity": N_("That is more than is left of this item."),
    "batch_not_here": N_("This batch is not one of this item in your pharmacy."),
    "choose_item": N_("This item was written by hand. Choose what you give out for it."),
    "wrong_strength": N_("This has another strength than was prescribed."),
    "wrong_unit": N_(
        "Your stock counts this in another unit than was prescribed, so the amounts are not the same. Ask the doctor for "
        "a new prescription in the unit of your stock."
    ),
    "not_a_substitute": N_("This has another active ingredient or another form than was prescribed."),
    "reason_needed": N_("Say why you give out something else than was prescribed."),
    "already_undone": N_("This has been taken back already."),
    "too_late": N_("What was given out can be taken back for 15 minutes. Those are over."),
}


def refusal(code: str, **more: Any) -> Conflict:
    """The refusal with this code."""
    return Conflict(code, _(WORDS[code]), **more)


def of_line(row: Any, line: WantedLine) -> DomainError | None:
    """What stands in the way of one line, or nothing. `row` is its row of `statements.LINES`."""
    item = {"prescription_item_id": line.prescription_item_id}
    if row["id"] is None or (line.item_id and row["item_id"] is None):
        return NotFound()
    if row["strange_batch"]:
        return refusal("batch_not_here", **item)
    if row["item_id"] is None:
        return refusal("choose_item", **item)
    code = None if row["as_written"] else _of_substitute(row)
    if code:
        return refusal(code, **item)
    if row["unit_type"] != row["unit"]:  # whatever is chosen: 10 of one unit are never 10 of another
        return refusal("wrong_unit", prescribed_in=row["unit"], counted_in=row["unit_type"], **item)
    if not row["as_written"] and not line.substitute_reason:
        return refusal("reason_needed", **item)
    if line.quantity > row["rest"]:
        return refusal("over_quantity", left=as_number(row["rest"]), **item)
    return None


def _of_substitute(row: Any) -> str | None:
    if not row["same_ingredient"]:
        return "not_a_substitute"
    if not row["same_strength"]:
        return "wrong_strength"
    return None if row["same_form"] else "not_a_substitute"


def as_number(value: Decimal) -> float:
    """For the extra fields of a problem, which are no Structs."""
    return float(value)
