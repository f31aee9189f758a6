"""Recalls, as they come in and go out."""

from msgspec import Struct

from portal.inventory.schemas import Batch, BatchNumber, Reason, Transaction
from portal.web.decode import Input
from portal.web.types import Id


class Recall(Input, frozen=True):
    """Every batch of that number, at all places of one's own."""

    item_id: Id
    batch_number: BatchNumber
    reason: Reason


class Trace(Struct, frozen=True, kw_only=True):
    """Where batches of one number are, and where what was in them went."""

    batches: list[Batch]
    transactions: list[Transaction]


class Recalled(Struct, frozen=True, kw_only=True):
    """The batches that a recall, or its end, concerned."""

    batches: list[Batch]
