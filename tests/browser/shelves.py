"""Medicines on the shelves of pharmacies, for the browsers that give them out, and what the ledger says afterwards."""

from uuid import UUID, uuid4

from playwright.sync_api import Page, expect

from tests.browser.stage import Stage

ITEM = """
INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type)
VALUES ($1::uuid, 'Counterol ' || right($1::uuid::text, 8), $2, 'tablet', '400 mg', 'TABLETS') RETURNING name
"""
BATCH = """
WITH made AS (
    INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
    VALUES (gen_random_uuid(), $1, $2, $3, current_date + $4::int, 1, 2, 'EUR') RETURNING *
) SELECT * FROM made
"""
RECEIVED = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id)
VALUES ($1, $2, $3, 'IN', $4, 0, gen_random_uuid()) RETURNING id
"""
PHARMACIST = """
WITH who AS (
    INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, time_zone)
    SELECT gen_random_uuid(), $1, password_hash, role, 'ACTIVE', 'Petra', 'Other', time_zone FROM account
    WHERE email = 'pharmacy@example.com' RETURNING id
)
INSERT INTO pharmacist (account_id, pharmacy_id) SELECT who.id, f.id FROM who, pharmacy f WHERE f.id <> $2 AND f.active LIMIT 1
RETURNING pharmacy_id
"""
OWN = """
SELECT p.pharmacy_id, f.name FROM pharmacist p JOIN account a ON a.id = p.account_id JOIN pharmacy f ON f.id = p.pharmacy_id
WHERE a.email = 'pharmacy@example.com'
"""
LEDGER = """
SELECT b.batch_number, t.transaction_type, t.quantity::int AS quantity FROM stock_transaction t JOIN batch b ON b.id = t.batch_id
WHERE t.item_id = $1 AND t.transaction_type <> 'IN' ORDER BY t.created_at
"""


class Medicine:
    """A medicine of the catalogue that nobody else in the tests prescribes."""

    def __init__(self, stage: Stage, active_ingredient: str = "") -> None:
        self.stage = stage
        self.id = uuid4()
        self.name: str = stage.ask(ITEM, self.id, active_ingredient or str(self.id)[-12:])[0]["name"]

    def shelve(self, pharmacy: UUID, number: str, days: int, quantity: int) -> None:
        """A batch that expires in so many days is received."""
        batch = self.stage.ask(BATCH, self.id, pharmacy, number, days)[0]["id"]
        self.stage.ask(RECEIVED, self.id, batch, pharmacy, quantity)

    def moves(self) -> list[tuple[str, str, int]]:
        """Batch, kind and quantity of all that moved since it was received, in order."""
        return [tuple(row) for row in self.stage.ask(LEDGER, self.id)]


def own_pharmacy(stage: Stage) -> tuple[UUID, str]:
    """Id and name of the pharmacy of `pharmacy@example.com`."""
    row = stage.ask(OWN)[0]
    return row["pharmacy_id"], row["name"]


def other_pharmacist(stage: Stage, email: str) -> UUID:
    """Somebody new at another pharmacy, whose id this is."""
    found: UUID = stage.ask(PHARMACIST, email, own_pharmacy(stage)[0])[0]["pharmacy_id"]
    return found


def find(counter: Page, code: str) -> None:
    """The field is in focus: a scanner or two hands type, and Enter."""
    expect(counter.locator("#find")).to_be_focused()
    counter.keyboard.type(code)
    counter.keyboard.press("Enter")
