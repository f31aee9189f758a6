"""The model check of prescriptions (E9): from the pad to the counter and back, at random, on the model and on the portal."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.model.prescriptions.model import Model
from tests.model.prescriptions.portal_side import SHELVES, Portal
from tests.model.prescriptions.things import AT, DRUGS, PRESCRIBER, ROLES, Line, Wanted
from tests.model.side_by_side import Check, SideBySide

ANYBODY = st.sampled_from(list(ROLES))
PATIENTS = st.sampled_from(["Ana", "Ben"])
PHARMACISTS = st.sampled_from(list(AT))
PHARMACIES = st.sampled_from(list(AT.values()))
# Counted from the last one: of the papers, fills or requests with which there is something to be done; negative, of all.
ONE = st.sampled_from([0, 0, 0, 1, 1, 2, -1, -2])
YES = st.booleans()
MOSTLY = st.sampled_from([True, True, True, False])
ITEMS = st.lists(
    st.tuples(st.sampled_from(DRUGS), st.integers(2, 6), st.integers(0, 1)), min_size=1, unique_by=lambda one: one[0]
)
MUCH = st.sampled_from(["one", "half", "rest", "over"])
BATCH = st.none() | st.integers(0, len(SHELVES) - 1)


class Machine(SideBySide):
    check: Check[Portal]
    model: Model
    model_class: type[Model]

    @initialize(patient=PATIENTS, items=ITEMS, pharmacy=PHARMACIES)
    def begin(self, patient: str, items: list[Wanted], pharmacy: str) -> None:
        """What most days begin with."""
        self.clean()
        self.model = self.model_class(self.check.portal.stock())
        self.both("issue", PRESCRIBER, patient, items, False)
        self.both("send", patient, 0, pharmacy)

    @rule(patient=PATIENTS, items=ITEMS, read=YES)
    def issue(self, patient: str, items: list[Wanted], read: bool) -> None:
        self.both("issue", PRESCRIBER, patient, items, read)

    @rule(one=ONE, items=ITEMS, read=YES, own=MOSTLY)
    def amend(self, one: int, items: list[Wanted], read: bool, own: bool) -> None:
        number = self.paper(one)
        patient = self.model.papers[number].patient if own else "Ben"
        self.both("issue", PRESCRIBER, patient, items, read, number)

    @rule(one=ONE)
    def withdraw(self, one: int) -> None:
        self.both("cancel", PRESCRIBER, self.paper(one))

    @rule(one=ONE, pharmacy=PHARMACIES)
    def send(self, one: int, pharmacy: str) -> None:
        self.both("send", self.model.papers[self.paper(one)].patient, self.paper(one), pharmacy)

    @rule(who=PHARMACISTS, one=ONE, born=MOSTLY, times=st.sampled_from([1, 1, 1, 1, 6]))
    def open(self, who: str, one: int, born: bool, times: int) -> None:
        for _ in range(times):
            self.both("open", who, self.paper(one), born and times == 1)

    @rule(one=ONE, much=MUCH, item=YES, batch=BATCH)
    def fill(self, one: int, much: str, item: bool, batch: int | None) -> None:
        """One item, at a counter that sees it."""
        number = self.paper(one)
        place = int(item) % len(self.model.papers[number].items)
        self.both("dispense", self.counter(number), number, [(place, self.much(number, place, much), batch)], True)

    @rule(one=ONE, much=MUCH, checked=MOSTLY)
    def fill_all(self, one: int, much: str, checked: bool) -> None:
        number = self.paper(one)
        self.both("dispense", self.counter(number), number, self.lines(number, much), checked)

    @rule(who=PHARMACISTS, one=ONE, much=MUCH, undone=YES)
    def come_to_the_counter(self, who: str, one: int, much: str, undone: bool) -> None:
        """What most papers are for."""
        number = self.paper(one)
        if not self.model.papers[number].is_seen_at(AT[who]):
            self.both("open", who, number, True)
        self.both("dispense", who, number, self.lines(number, much), True)
        if undone and self.model.fills:
            self.both("undo", who, len(self.model.fills) - 1)

    @precondition(lambda self: self.model.fills)
    @rule(one=ONE, again=YES)
    def undo(self, one: int, again: bool) -> None:
        number = self.fill_to_undo(one)
        who = next(name for name, place in AT.items() if place == self.model.fills[number].pharmacy)
        for _ in range(2 if again else 1):
            self.both("undo", who, number)

    @rule(one=ONE, read=YES, answers=st.lists(MOSTLY, max_size=2))
    def ask_for_more(self, one: int, read: bool, answers: list[bool]) -> None:
        """The doctor's answers: none, one, or another one as well."""
        number = self.paper(one)
        self.both("ask", self.model.papers[number].patient, number)
        for approved in answers[: 2 * len(self.model.refills)]:
            self.both("answer", PRESCRIBER, len(self.model.refills) - 1, approved, read)

    @rule(
        who=ANYBODY,
        act=st.sampled_from(["issue", "cancel", "send", "ask", "open", "dispense", "undo", "answer"]),
        one=ONE,
    )
    def whoever(self, who: str, act: str, one: int) -> None:
        """Somebody who mostly may not."""
        number, fills, refills = self.paper(one), len(self.model.fills), len(self.model.refills)
        more: dict[str, tuple[Any, ...]] = {
            "issue": ("Ana", [("Alba", 3, 0)], True), "cancel": (number,), "send": (number, "South"), "ask": (number,),
            "open": (number, True), "dispense": (number, self.lines(number, "one"), True),
            "undo": (self.fill_to_undo(one) if fills else 0,), "answer": (self.chosen(one, [], refills or 1), True, True),
        }  # fmt: skip
        if (act != "undo" or fills) and (act != "answer" or refills):
            self.both(act, who, *more[act])

    @precondition(lambda self: any(not one.is_past for one in self.model.papers))
    @rule(one=ONE, told=YES, tried=YES)
    def pass_by(self, one: int, told: bool, tried: bool) -> None:
        """Somebody may try it afterwards, whether or not the job has been there."""
        number = self.chosen(one, [number for number, one in enumerate(self.model.papers) if not one.is_past])
        self.both("pass_by", number)
        if told:
            self.both("expire")
        if tried:
            self.both("dispense", self.counter(number), number, self.lines(number, "one"), True)

    @precondition(lambda self: self.fresh_fills())
    @rule(one=ONE)
    def grow_late(self, one: int) -> None:
        self.both("grow_late", self.chosen(one, self.fresh_fills()))

    @rule(pharmacy=PHARMACIES, suspended=st.sampled_from([False, False, True]))
    def suspend(self, pharmacy: str, suspended: bool) -> None:
        self.both("suspend", pharmacy, suspended)

    def paper(self, one: int) -> int:
        papers = self.model.papers
        return self.chosen(one, [number for number, one in enumerate(papers) if not one.refusal], len(papers))

    def fill_to_undo(self, one: int) -> int:
        return self.chosen(one, self.fresh_fills(), len(self.model.fills))

    def fresh_fills(self) -> list[int]:
        return [number for number, one in enumerate(self.model.fills) if not (one.undone or one.is_late)]

    def chosen(self, one: int, good: list[int], there_are: int = 0) -> int:
        """One of the good, or where `one` is negative or none is good, of as many as there are."""
        among = good if good and (one >= 0 or not there_are) else list(range(there_are))
        return among[-1 - abs(one) % len(among)]

    def counter(self, number: int) -> str:
        """Who can see it, or anybody."""
        paper = self.model.papers[number]
        return next((who for who, place in AT.items() if paper.is_seen_at(place)), "Pia")

    def much(self, number: int, place: int, wanted: str) -> int:
        left = self.model.papers[number].items[place].left
        return max(1, {"one": 1, "half": left // 2, "rest": left, "over": left + 1}[wanted])

    def lines(self, number: int, much: str) -> list[Line]:
        """So much of each item of which something is left, or of all."""
        items = self.model.papers[number].items
        places = [place for place, one in enumerate(items) if one.left] or range(len(items))
        return [(place, self.much(number, place, much), None) for place in places]


def machine(check: Check[Portal], model: type[Model] = Model) -> type[Machine]:
    """The machine on a portal, with the model or one that is wrong."""
    return type("Machine", (Machine,), {"check": check, "model_class": model})
