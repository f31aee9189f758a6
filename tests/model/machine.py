"""The model check (A12): the same acts at random on the model and on the portal, and both must say and show the same."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.appointments.life import DECLARED
from tests.model.model import Model
from tests.model.portal_side import Portal
from tests.model.side_by_side import Check, SideBySide

PATIENTS = st.sampled_from(["Ana", "Ben", "Cem"])
ROLES = {
    "Ana": "PATIENT", "Ben": "PATIENT", "Cem": "PATIENT", "Wim": "PATIENT",
    "Dora": "DOCTOR", "Otto": "DOCTOR", "Ada": "CLINIC_ADMIN",
}  # fmt: skip
ANYBODY = st.sampled_from(list(ROLES))
STAFF = st.sampled_from(["Dora", "Ada", "Otto"])
SLOTS = st.integers(0, 9)
VISITS = st.integers(0, 9)  # counted from the last one
PARTY = st.integers(0, 3)  # the last is a stranger
NEXT = {"BOOKED": "check-in", "CHECKED_IN": "start", "IN_PROGRESS": "complete"}
MOVES = st.sampled_from([action for action in DECLARED if action != "reschedule"])


class Machine(SideBySide):
    check: Check[Portal]
    model: Model
    model_class: type[Model]

    @initialize()
    def begin(self) -> None:
        self.clean()
        self.model = self.model_class(self.check.portal.times())

    @rule(who=PATIENTS, slots=st.lists(SLOTS, min_size=1, max_size=4))
    def hold(self, who: str, slots: list[int]) -> None:
        for slot in slots:
            self.both("hold", who, slot)

    @precondition(lambda self: self.held())
    @rule(which=SLOTS, who=PATIENTS, own=st.booleans())
    def let_go(self, which: int, who: str, own: bool) -> None:
        slot = self.held()[which % len(self.held())]
        self.both("let_go", self.model.times[slot].holder if own else who, slot)

    @precondition(lambda self: self.held())
    @rule(which=SLOTS)
    def expire(self, which: int) -> None:
        self.both("expire", self.held()[which % len(self.held())])

    @rule(who=STAFF, slot=SLOTS, disabled=st.booleans())
    def close(self, who: str, slot: int, disabled: bool) -> None:
        self.both("close", who, slot, disabled)

    @rule(who=PATIENTS, slot=SLOTS)
    def book(self, who: str, slot: int) -> None:
        self.both("book", who, who, slot)

    @rule(who=STAFF, patient=PATIENTS, slot=SLOTS)
    def book_for_a_patient(self, who: str, patient: str, slot: int) -> None:
        self.both("book", who, patient, slot)

    @rule(who=ANYBODY, patient=PATIENTS)
    def join(self, who: str, patient: str) -> None:
        self.both("join", who, who if ROLES[who] == "PATIENT" else patient)

    @precondition(lambda self: self.model.visits)
    @rule(visit=VISITS, comes=st.booleans())
    def lead_on(self, visit: int, comes: bool) -> None:
        number = self.chosen(visit)
        action = NEXT.get(self.model.visits[number].status, "start") if comes else "no-show"
        self.both("move", self.parties(number)[0], "DOCTOR", number, action)

    @precondition(lambda self: self.model.visits)
    @rule(party=PARTY, visit=VISITS, action=MOVES)
    def move(self, party: int, visit: int, action: str) -> None:
        who = self.parties(self.chosen(visit))[party]
        self.both("move", who, ROLES[who], self.chosen(visit), action)

    @precondition(lambda self: self.model.visits)
    @rule(party=PARTY, visit=VISITS, slot=SLOTS)
    def reschedule(self, party: int, visit: int, slot: int) -> None:
        who = self.parties(self.chosen(visit))[party]
        self.both("reschedule", who, ROLES[who], self.chosen(visit), slot)

    @precondition(lambda self: self.model.visits)
    @rule(visit=VISITS, again=st.booleans())
    def arrive_and_be_called(self, visit: int, again: bool) -> None:
        """What most mornings are made of."""
        number = self.chosen(visit)
        self.both("move", self.model.visits[number].patient, "PATIENT", number, "check-in")
        self.both("call", "Dora", "DOCTOR")
        called = [n for n, one in enumerate(self.model.visits) if one.called and one.status == "CHECKED_IN"]
        if again and called:
            self.both("miss", "Ada", "CLINIC_ADMIN", called[0])

    @rule(who=ANYBODY)
    def call(self, who: str) -> None:
        self.both("call", who, ROLES[who])

    @precondition(lambda self: self.model.visits)
    @rule(who=ANYBODY, visit=VISITS)
    def miss(self, who: str, visit: int) -> None:
        self.both("miss", who, ROLES[who], self.chosen(visit))

    @precondition(lambda self: self.model.free_place("Wim") is not None)
    @rule(who=ANYBODY)
    def walk_in(self, who: str) -> None:
        self.both("walk_in", who, ROLES[who], "Wim")

    @precondition(lambda self: self.model.visits)
    @rule(visit=VISITS)
    def pass_by(self, visit: int) -> None:
        self.both("pass_by", self.chosen(visit))

    def held(self) -> list[int]:
        return [number for number, time in enumerate(self.model.times) if time.holder]

    def chosen(self, visit: int) -> int:
        return len(self.model.visits) - 1 - visit % len(self.model.visits)

    def parties(self, visit: int) -> list[str]:
        """Who manages the time, the patient, and everybody else."""
        concerned = [*self.model.times[self.model.visits[visit].time].managers, self.model.visits[visit].patient]
        return [*concerned, *(one for one in ROLES if one not in concerned)]


def machine(check: Check[Portal], model: type[Model] = Model) -> type[Machine]:
    """The machine on a portal, with the model or one that is wrong."""
    return type("Machine", (Machine,), {"check": check, "model_class": model})
