"""Who is there in the model of prescriptions, and what they deal with."""

from dataclasses import dataclass, field

ROLES = {
    "Ana": "PATIENT", "Ben": "PATIENT", "Dora": "DOCTOR", "Otto": "DOCTOR", "Pia": "PHARMACY", "Sol": "PHARMACY",
}  # fmt: skip
PRESCRIBER = "Dora"  # whom both patients visit; the other doctor is a stranger
AT = {"Pia": "North", "Sol": "South"}
DRUGS = ("Alba", "Beta")  # in the order in which their stock is taken
OPEN = ("ACTIVE", "PARTIALLY_FILLED")
ENDED = {"FILLED": "already_filled", "CANCELLED": "cancelled", "EXPIRED": "expired"}

Wanted = tuple[str, int, int]  # a drug, how much of it, and how often more
Line = tuple[int, int, int | None]  # an item of the paper, how much of it, and out of which batch
Part = tuple[int, int, int]  # the same, as it was taken


@dataclass
class Batch:
    """So much of a drug at a pharmacy; the first of several is the first to expire."""

    pharmacy: str
    drug: str
    quantity: int


@dataclass
class Item:
    drug: str
    quantity: int
    refills: int
    dispensed: int = 0

    @property
    def left(self) -> int:
        return self.quantity * (1 + self.refills) - self.dispensed


@dataclass
class Paper:
    patient: str
    items: list[Item]
    replaces: int | None = None
    status: str = "ACTIVE"
    is_past: bool = False  # its validity, whether or not a job has said so
    sent_to: str | None = None
    access: set[tuple[str, str]] = field(default_factory=set)  # pharmacies, and how they came to see it
    history: list[tuple[str | None, str | None, str]] = field(default_factory=list)  # who, from, to
    events: list[str] = field(default_factory=list)

    @property
    def refusal(self) -> str | None:
        """What stands in the way of everything that comes before its end."""
        return "expired" if self.status in OPEN and self.is_past else ENDED.get(self.status)

    @property
    def shown(self) -> str:
        """Its status, as anybody is told."""
        return "EXPIRED" if self.refusal == "expired" else self.status

    @property
    def is_taken(self) -> bool:
        """What was given out lately is taken to its end, however old the paper is; what waits, as long as it is valid."""
        return self.status == "FILLED" or (self.status in OPEN and not self.is_past)

    def is_seen_at(self, pharmacy: str) -> bool:
        return any(where == pharmacy for where, _how in self.access)

    def move(self, who: str | None, status: str) -> None:
        if status != self.status:
            self.history.append((who, self.status, status))
        self.status = status


@dataclass
class Fill:
    paper: int
    pharmacy: str
    taken: list[Part]
    undone: bool = False
    is_late: bool = False


@dataclass
class Refill:
    paper: int
    status: str = "OPEN"
    made: int | None = None
