"""The portal's side of the model of prescriptions: the same acts on real rows, each as the person who does it."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from portal import acting, db
from portal.accounts.schemas import Actor, Role
from portal.catalogue.schemas import UnitType
from portal.dispensing.actions import dispense, open_prescription, undo_dispense
from portal.dispensing.readings import OPEN as WAITING
from portal.dispensing.schemas import NewDispense, Opening, WantedLine
from portal.prescriptions.actions import cancel, expire, issue, send
from portal.prescriptions.policy import key
from portal.prescriptions.schemas import Acknowledgement, DoseUnit, Frequency, NewItem, NewPrescription
from portal.prescriptions.statements import STATUS
from portal.refills.actions import approve, ask, decline
from portal.refills.schemas import Approval, NewRefill, Refusal
from tests import factories
from tests.dispensing import paper
from tests.factories import Person
from tests.inventory import shelf
from tests.model.prescriptions.things import AT, DRUGS, Batch, Line, Wanted
from tests.model.side_by_side import answer
from tests.owner import as_owner

SHELVES = (
    ("North", "Alba", 6), ("North", "Alba", 12), ("North", "Beta", 8), ("South", "Alba", 9), ("South", "Beta", 3),
    ("South", "Beta", 3),
)  # fmt: skip
CLEAN = """
DELETE FROM code_try; DELETE FROM outbox_event; UPDATE pharmacy SET active = true WHERE NOT active;
UPDATE prescription_access SET ended_at = clock_timestamp() WHERE ended_at IS NULL
"""
# The clock goes on for one paper, or for what was given out; otherwise nobody moves these columns.
PAST = """
SET app.role = 'PORTAL';
ALTER TABLE prescription DISABLE TRIGGER prescription_unchanged;
UPDATE prescription SET issued_at = issued_at - interval '400 days', valid_until = valid_until - interval '400 days'
WHERE id = '{id}';
ALTER TABLE prescription ENABLE TRIGGER prescription_unchanged
"""
LATE = """
SET app.role = 'PORTAL';
ALTER TABLE dispense DISABLE TRIGGER dispense_unchanged;
UPDATE dispense SET at = at - interval '16 minutes' WHERE id = '{id}';
ALTER TABLE dispense ENABLE TRIGGER dispense_unchanged
"""
PAPERS = """
SELECT p.id, p.status, """ + STATUS + """ AS shown, f.name AS sent_to, p.replaces_id,
    (SELECT v.status FROM prescription_shown(p.code) v) AS verified,
    (SELECT jsonb_agg(i.dispensed ORDER BY i.position) FROM prescription_item i WHERE i.prescription_id = p.id) AS dispensed,
    (SELECT jsonb_agg(jsonb_build_array(w.name, a.how)) FROM prescription_access a JOIN pharmacy w ON w.id = a.pharmacy_id
     WHERE a.prescription_id = p.id AND a.ended_at IS NULL) AS access,
    (SELECT jsonb_agg(jsonb_build_array(h.actor_id, h.from_status, h.to_status) ORDER BY h.at)
     FROM prescription_history h WHERE h.prescription_id = p.id) AS history,
    (SELECT jsonb_agg(o.event_type ORDER BY o.id) FROM outbox_event o WHERE o.aggregate_id = p.id) AS events
FROM prescription p LEFT JOIN pharmacy f ON f.id = p.pharmacy_id WHERE p.patient_id = ANY ($1)
"""  # fmt: skip
FILLS = """
SELECT d.id, d.prescription_id, f.name AS pharmacy, d.undone_at IS NOT NULL AS undone,
    (SELECT jsonb_agg(jsonb_build_array(i.position, l.quantity, l.batch_id)) FROM dispense_line l
     JOIN prescription_item i ON i.id = l.prescription_item_id WHERE l.dispense_id = d.id) AS taken
FROM dispense d JOIN pharmacy f ON f.id = d.pharmacy_id WHERE d.patient_id = ANY ($1)
"""
BATCHES = """
SELECT b.id, b.quantity, (SELECT sum(CASE WHEN t.transaction_type IN ('OUT', 'DISPENSE') THEN -t.quantity ELSE t.quantity END)
    FROM stock_transaction t WHERE t.batch_id = b.id) AS explained
FROM batch b WHERE b.id = ANY ($1)
"""
LEVELS = """
SELECT f.name AS pharmacy, l.item_id, l.quantity FROM stock_level l JOIN pharmacy f ON f.id = l.location_id
WHERE l.item_id = ANY ($1)
"""
REFILLS = "SELECT id, prescription_id, status, new_prescription_id FROM refill_request WHERE patient_id = ANY ($1)"
SEEN = "SELECT id FROM prescription WHERE id = ANY ($1)"


class Portal:
    """Two patients who visit one doctor, a doctor elsewhere, and two pharmacies with a little of two medicines."""

    async def settle(self) -> None:
        self.pharmacies = {name: await shelf.pharmacy(name) for name in AT.values()}
        self.people: dict[str, Person] = {"Dora": await factories.doctor(), "Otto": await factories.doctor()}
        for who, place in AT.items():
            self.people[who] = await factories.person(Role.PHARMACY, pharmacy_id=self.pharmacies[place])

    async def clean(self) -> None:
        """Nobody forgets what was given out: each run has patients, medicines and shelves of its own."""
        await db.run_script(CLEAN)
        self.visits: dict[str, UUID] = {}
        for who in ("Ana", "Ben"):
            self.people[who] = await factories.patient()
            self.visits[who] = await paper.visit(self.people[who], self.people["Dora"])
        made = sorted([await shelf.item(ingredient=f"substance {drug}") for drug in DRUGS])
        self.drugs = dict(zip(DRUGS, made, strict=True))
        names = await db.fetch("SELECT id, name FROM catalog_item WHERE id = ANY ($1)", made)
        self.names: dict[UUID, str] = {row["id"]: row["name"] for row in names}
        self.batches = [
            await shelf.batch(self.drugs[drug], self.pharmacies[place], much, days=100 + number)
            for number, (place, drug, much) in enumerate(SHELVES)
        ]
        self.papers: list[UUID] = []
        self.codes: list[str] = []
        self.items: list[list[UUID]] = []
        self.fills: list[UUID] = []
        self.refills: list[UUID] = []

    def stock(self) -> list[Batch]:
        """The same batches for the model."""
        return [Batch(*one) for one in SHELVES]

    async def as_(self, who: str, act: Callable[[Actor], Awaitable[Any]]) -> str:
        actor = self.people[who].actor
        with acting.acting(acting.person(actor)):
            return await answer(act(actor))

    async def issue(self, who: str, patient: str, items: list[Wanted], read: bool, replaces: int | None = None) -> str:
        wanted = [
            NewItem(
                catalog_item_id=self.drugs[drug], dose=Decimal(1), dose_unit=DoseUnit.TABLETS, duration_days=much,
                frequency=Frequency.ONCE_DAILY, quantity=Decimal(much), unit=UnitType.TABLETS, refills_allowed=often,
            )
            for drug, much, often in items
        ]  # fmt: skip
        new = NewPrescription(
            appointment_id=self.visits[patient], items=wanted, replaces_id=self.numbered(replaces),
            acknowledged_warnings=self.reasons(len(items)) if read else [],
        )  # fmt: skip
        return await self.as_(who, lambda actor: self.noted(issue(actor, new)))

    def numbered(self, number: int | None) -> UUID | None:
        return None if number is None else self.papers[number]

    def reasons(self, items: int) -> list[Acknowledgement]:
        """For every warning that there could be."""
        names = [key("ACTIVE_PRESCRIPTION", position, name) for position in range(1, items + 1)
                 for name in self.names.values()]  # fmt: skip
        return [Acknowledgement(warning=name, reason="known") for name in names]

    async def noted(self, signing: Awaitable[Any]) -> None:
        signed = await signing
        self.papers.append(signed.id)
        self.codes.append(signed.code)
        self.items.append([one.id for one in signed.items])

    async def cancel(self, who: str, number: int) -> str:
        return await self.as_(who, lambda actor: cancel(actor, self.papers[number], "changed"))

    async def send(self, who: str, number: int, pharmacy: str) -> str:
        return await self.as_(who, lambda actor: send(actor, self.papers[number], self.pharmacies[pharmacy]))

    async def ask(self, who: str, number: int) -> str:
        async def asked(actor: Actor) -> None:
            self.refills.append((await ask(actor, self.papers[number], NewRefill())).id)

        return await self.as_(who, asked)

    async def answer(self, who: str, number: int, approved: bool, read: bool) -> str:
        if not approved:
            return await self.as_(who, lambda actor: decline(actor, self.refills[number], Refusal(answer="no")))
        approval = Approval(acknowledged_warnings=self.reasons(len(DRUGS)) if read else [])
        return await self.as_(who, lambda actor: self.noted(approve(actor, self.refills[number], approval)))

    async def open(self, who: str, number: int, born: bool) -> str:
        opening = Opening(code=self.codes[number], date_of_birth=date(1980, 2, 29 if born else 28))
        return await self.as_(who, lambda actor: open_prescription(actor, opening))

    async def dispense(self, who: str, number: int, lines: list[Line], checked: bool) -> str:
        items = [
            WantedLine(
                prescription_item_id=self.items[number][item],
                quantity=Decimal(much),
                batch_id=None if batch is None else self.batches[batch],
            )
            for item, much, batch in lines
        ]

        async def given_out(actor: Actor) -> None:
            wanted = NewDispense(items=items, identity_checked=checked)
            self.fills.append((await dispense(actor, self.papers[number], wanted)).id)

        return await self.as_(who, given_out)

    async def undo(self, who: str, number: int) -> str:
        return await self.as_(who, lambda actor: undo_dispense(actor, self.fills[number]))

    async def pass_by(self, number: int) -> None:
        await as_owner(PAST.format(id=self.papers[number]))

    async def expire(self) -> None:
        await expire()

    async def grow_late(self, number: int) -> None:
        await as_owner(LATE.format(id=self.fills[number]))

    async def suspend(self, pharmacy: str, suspended: bool) -> None:
        await db.execute("UPDATE pharmacy SET active = $2 WHERE id = $1", self.pharmacies[pharmacy], not suspended)

    async def state(self) -> dict[str, Any]:
        """All of this run, in the words of the model."""
        patients = [self.people["Ana"].id, self.people["Ben"].id]
        async with db.transaction():
            papers = {row["id"]: row for row in await db.fetch(PAPERS, patients)}
            fills = {row["id"]: row for row in await db.fetch(FILLS, patients)}
            refills = {row["id"]: row for row in await db.fetch(REFILLS, patients)}
            batches = {row["id"]: row for row in await db.fetch(BATCHES, self.batches)}
            levels = await db.fetch(LEVELS, list(self.drugs.values()))
        drugs = {one: name for name, one in self.drugs.items()}
        return {
            "papers": [self.shown(papers.pop(one)) for one in self.papers],
            "seen": {who: await self.seen(who, SEEN, self.papers) for who in AT},
            "waiting": {
                who: await self.seen(who, WAITING, self.people[who].actor.pharmacy_id, None, 1000, 0) for who in AT
            },
            "batches": [(batches[one]["quantity"], batches[one]["explained"]) for one in self.batches],
            "levels": {(row["pharmacy"], drugs[row["item_id"]]): row["quantity"] for row in levels},
            "fills": [self.filled(fills.pop(one)) for one in self.fills],
            "refills": [
                (self.papers.index(row["prescription_id"]), row["status"], self.number(row["new_prescription_id"]))
                for row in (refills.pop(one) for one in self.refills)
            ],
            "others": [*papers, *fills, *refills],
        }

    def number(self, prescription_id: UUID | None) -> int | None:
        return None if prescription_id is None else self.papers.index(prescription_id)

    def shown(self, row: Any) -> tuple[Any, ...]:
        names = {str(person.id): name for name, person in self.people.items()} | {None: None}
        history = [(names[who], was, now) for who, was, now in row["history"]]
        access = {tuple(one) for one in row["access"] or []}
        replaces = self.number(row["replaces_id"])
        statuses = (row["status"], row["shown"], row["verified"])
        return statuses, row["sent_to"], replaces, row["dispensed"], access, history, row["events"]

    def filled(self, row: Any) -> tuple[Any, ...]:
        taken = [(place - 1, much, self.batches.index(UUID(batch))) for place, much, batch in row["taken"]]
        return self.papers.index(row["prescription_id"]), row["pharmacy"], row["undone"], sorted(taken)

    async def seen(self, who: str, sql: str, *how: Any) -> list[int]:
        """Which papers the portal, or the second wall alone, shows to somebody."""
        with acting.acting(acting.person(self.people[who].actor)):
            rows = {row["id"] for row in await db.fetch(sql, *how)}
        return [number for number, one in enumerate(self.papers) if one in rows]
