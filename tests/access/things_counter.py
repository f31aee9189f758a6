"""A prescription of one patient that lies at a pharmacy, partly given out; and one that was sent nowhere."""

from decimal import Decimal
from typing import Any

from portal import db
from portal.dispensing.actions import dispense
from portal.dispensing.schemas import NewDispense, WantedLine
from tests.access.canaries import canary
from tests.dispensing import paper
from tests.factories import Person
from tests.inventory import shelf


async def of_side(side: str, cast: dict[str, Person]) -> dict[str, Any]:
    """Each text that somebody wrote is a canary."""
    mark, pharmacist = canary(side, "rx"), cast["pharmacist"]
    pharmacy_id = pharmacist.actor.pharmacy_id
    assert pharmacy_id
    await db.execute("UPDATE pharmacy SET active = true WHERE id = $1", pharmacy_id)
    item = await shelf.item(f"Medicine of {side}", ingredient=side, threshold=1)
    batch = await shelf.batch(item, pharmacy_id, 1000, number=f"LOT {side}")
    twin = await shelf.item(f"Another of {side}", ingredient=side)
    other = await shelf.batch(twin, pharmacy_id, 1000, number=f"LOT {side}")
    people = {"patient": cast["patient"], "doctor": cast["doctor"], "name": mark}
    made = await paper.write(
        await paper.drug(item, 300, instructions=mark),
        await paper.drug(None, 300, drug_name=mark, active_ingredient=side),
        **people,  # type: ignore[arg-type]
    )
    people["name"] = "Whoever shows it"  # to every pharmacist who is shown it
    unsent = await paper.write(await paper.drug(item, 300), **people)  # type: ignore[arg-type]
    await paper.send_to(made, pharmacy_id)
    lines = [
        WantedLine(prescription_item_id=made.items[0], quantity=Decimal(1)),
        WantedLine(prescription_item_id=made.items[1], quantity=Decimal(1), batch_id=other, substitute_reason=mark),
    ]
    given = await dispense(pharmacist.actor, made.id, NewDispense(items=lines, identity_checked=True))
    await db.execute("INSERT INTO code_try VALUES ($1, 1) ON CONFLICT DO NOTHING", str(pharmacy_id))
    return {
        "paper": made.id,
        "paper_item": made.items[0],
        "unsent": unsent.id,
        "unsent_code": unsent.code,
        "counter_batch": batch,
        "dispense": given.id,
    }
