"""What the portal promises of prescriptions, counters and stock, as plain Python: no clock, no rows, nobody else.

Every act answers "done", or the code with which the portal refuses it.
"""

from copy import deepcopy
from typing import Any

from tests.model.prescriptions.things import (
    AT,
    DRUGS,
    PRESCRIBER,
    ROLES,
    Batch,
    Fill,
    Item,
    Line,
    Paper,
    Part,
    Refill,
    Wanted,
)

CODE_TRIES, PHARMACY_TRIES = 5, 30


class Model:
    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches
        self.papers: list[Paper] = []
        self.fills: list[Fill] = []
        self.refills: list[Refill] = []
        self.suspended: set[str] = set()
        self.tries: dict[str | int, int] = {}

    def state(self) -> dict[str, Any]:
        """What the portal must show: each batch twice, once as its ledger explains it."""
        return {
            "papers": [
                ((one.status, one.shown, one.shown), one.sent_to, one.replaces, [item.dispensed for item in one.items],
                 one.access, one.history, one.events)
                for one in self.papers
            ],
            "seen": {who: self.at(place) for who, place in AT.items()},
            "waiting": {who: [n for n in self.at(place) if not self.papers[n].refusal] for who, place in AT.items()},
            "batches": [(one.quantity, one.quantity) for one in self.batches],
            "levels": {
                (place, drug): sum(one.quantity for one in self.batches if (one.pharmacy, one.drug) == (place, drug))
                for place in AT.values() for drug in DRUGS
            },
            "fills": [(one.paper, one.pharmacy, one.undone, sorted(one.taken)) for one in self.fills],
            "refills": [(one.paper, one.status, one.made) for one in self.refills],
            "others": [],
        }  # fmt: skip

    def at(self, pharmacy: str) -> list[int]:
        return [number for number, one in enumerate(self.papers) if one.is_seen_at(pharmacy)]

    # The doctor

    def issue(self, who: str, patient: str, items: list[Wanted], read: bool, replaces: int | None = None) -> str:
        """`read`: whether the warnings were acknowledged. What is replaced ends with the same step, or nothing happens."""
        if who != PRESCRIBER:
            return "not_found" if ROLES[who] == "DOCTOR" else "forbidden"
        old = None if replaces is None else self.papers[replaces]
        if old and (old.refusal or old.patient != patient):
            return old.refusal or "not_found"
        if not read and self.is_warned(patient, items, replaces):
            return "needs_acknowledgement"
        if old:
            self.end(who, old)
        return self.sign(who, patient, items, replaces)

    def is_warned(self, patient: str, items: list[Wanted], besides: int | None) -> bool:
        """Whether the patient takes one of these already."""
        taken = [one for n, one in enumerate(self.papers) if one.patient == patient and one.is_taken and n != besides]
        return any(item.drug == drug for one in taken for item in one.items for drug, _much, _often in items)

    def sign(self, who: str, patient: str, items: list[Wanted], replaces: int | None = None) -> str:
        made = Paper(patient, [Item(*one) for one in items], replaces)
        made.history.append((who, None, "ACTIVE"))
        made.events.append("prescription.issued")
        self.papers.append(made)
        return "done"

    def end(self, who: str, paper: Paper) -> None:
        paper.move(who, "CANCELLED")
        paper.events.append("prescription.cancelled")

    def cancel(self, who: str, number: int) -> str:
        if who != PRESCRIBER:
            return "not_found" if ROLES[who] == "DOCTOR" else "forbidden"
        refusal = self.papers[number].refusal
        if refusal is None:
            self.end(who, self.papers[number])
        return refusal or "done"

    # The patient

    def send(self, who: str, number: int, pharmacy: str) -> str:
        paper = self.papers[number]
        if who != paper.patient:
            return "not_found" if ROLES[who] == "PATIENT" else "forbidden"
        if paper.refusal or paper.sent_to == pharmacy:
            return paper.refusal or "done"
        if pharmacy in self.suspended:
            return "invalid"
        paper.access = {one for one in paper.access if one[1] != "SENT"} | {(pharmacy, "SENT")}
        paper.sent_to = pharmacy
        return "done"

    def ask(self, who: str, number: int) -> str:
        paper = self.papers[number]
        if who != paper.patient:
            return "not_found" if ROLES[who] == "PATIENT" else "forbidden"
        if paper.status == "CANCELLED":
            return "cancelled"
        if any(one.paper == number and one.status == "OPEN" for one in self.refills):
            return "already_requested"
        self.refills.append(Refill(number))
        return "done"

    def answer(self, who: str, number: int, approved: bool, read: bool) -> str:
        """The same items once more, or no."""
        refill = self.refills[number]
        if who != PRESCRIBER:
            return "not_found" if ROLES[who] == "DOCTOR" else "forbidden"
        if refill.status != "OPEN":
            return "already_answered"
        old = self.papers[refill.paper]
        items = [(one.drug, one.quantity, one.refills) for one in old.items]
        if approved and not read and self.is_warned(old.patient, items, refill.paper):
            return "needs_acknowledgement"
        refill.status = "APPROVED" if approved else "DECLINED"
        refill.made = len(self.papers) if approved else None
        return self.sign(who, old.patient, items) if approved else "done"

    # The counter

    def open(self, who: str, number: int, born: bool) -> str:
        """`born`: whether the date of birth is right. Tries are counted first, and what fits is forgiven."""
        if who not in AT:
            return "forbidden"
        most: dict[str | int, int] = {AT[who]: PHARMACY_TRIES, number: CODE_TRIES}
        for one in most:
            self.tries[one] = self.tries.get(one, 0) + 1
        if any(self.tries[one] > allowed for one, allowed in most.items()):
            return "too_many_requests"
        if not born or AT[who] in self.suspended:
            return "not_found"
        for one in most:
            self.tries[one] -= 1
        self.papers[number].access.add((AT[who], "OPENED"))
        return "done"

    def dispense(self, who: str, number: int, lines: list[Line], checked: bool) -> str:
        """All of it or nothing."""
        paper = self.papers[number]
        if who not in AT:
            return "forbidden"
        if not paper.is_seen_at(AT[who]):
            return "not_found"
        if AT[who] in self.suspended or paper.refusal or not checked:
            return "pharmacy_suspended" if AT[who] in self.suspended else paper.refusal or "identity_not_checked"
        lines = sorted(lines, key=lambda line: DRUGS.index(self.drug_of(AT[who], paper, line)))
        refused = [code for line in lines if (code := self.refusal_of(AT[who], paper, line))]
        return refused[0] if refused else self.give_out(who, number, lines)

    def drug_of(self, place: str, paper: Paper, line: Line) -> str:
        item, _much, batch = line
        named = None if batch is None else self.batches[batch]
        return named.drug if named and named.pharmacy == place else paper.items[item].drug

    def refusal_of(self, place: str, paper: Paper, line: Line) -> str | None:
        item, much, batch = line
        if batch is not None and self.batches[batch].pharmacy != place:
            return "batch_not_here"
        if self.drug_of(place, paper, line) != paper.items[item].drug:
            return "not_a_substitute"
        return "over_quantity" if much > paper.items[item].left else None

    def give_out(self, who: str, number: int, lines: list[Line]) -> str:
        kept, paper = deepcopy(self.batches), self.papers[number]
        taken: list[Part] = []
        for item, much, batch in lines:
            parts = self.take(AT[who], paper.items[item].drug, much, batch)
            if sum(parts.values()) < much:
                self.batches = kept
                return "out_of_stock"
            taken += [(item, part, one) for one, part in parts.items()]
        for item, much, _batch in lines:
            paper.items[item].dispensed += much
        self.fills.append(Fill(number, AT[who], taken))
        paper.move(who, "PARTIALLY_FILLED" if any(one.left for one in paper.items) else "FILLED")
        paper.events.append(f"prescription.{paper.status.lower()}")
        return "done"

    def take(self, place: str, drug: str, much: int, batch: int | None) -> dict[int, int]:
        """What the first to expire give, or the one that is named."""
        parts: dict[int, int] = {}
        for number, one in enumerate(self.batches):
            part = min(one.quantity, much - sum(parts.values()))
            if (one.pharmacy, one.drug) == (place, drug) and batch in (None, number) and part:
                one.quantity -= part
                parts[number] = part
        return parts

    def undo(self, who: str, number: int) -> str:
        fill = self.fills[number]
        if AT.get(who) != fill.pharmacy:
            return "not_found" if who in AT else "forbidden"
        if fill.pharmacy in self.suspended:
            return "pharmacy_suspended"
        if fill.undone or fill.is_late:
            return "already_undone" if fill.undone else "too_late"
        fill.undone, paper = True, self.papers[fill.paper]
        for item, much, batch in fill.taken:
            paper.items[item].dispensed -= much
            self.batches[batch].quantity += much
        if paper.status not in ("CANCELLED", "EXPIRED"):
            paper.move(who, "PARTIALLY_FILLED" if any(one.dispensed for one in paper.items) else "ACTIVE")
            paper.events.append("prescription.partially_filled")
        return "done"

    # Time, and the operators

    def pass_by(self, number: int) -> None:
        """Its validity ends."""
        self.papers[number].is_past = True

    def expire(self) -> None:
        """The job."""
        for paper in self.papers:
            if paper.refusal == "expired":
                paper.move(None, "EXPIRED")

    def grow_late(self, number: int) -> None:
        """The quarter of an hour is over in which it can be taken back."""
        self.fills[number].is_late = True

    def suspend(self, pharmacy: str, suspended: bool) -> None:
        self.suspended = self.suspended | {pharmacy} if suspended else self.suspended - {pharmacy}
