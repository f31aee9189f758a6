"""The statements that move stock. Each writes rows of the ledger; the rows move the batches (see migration m0080)."""

# Exactly that much of an item at a location, from the batches that expire first, or from the one that is named; or nothing
# at all. The level's row is locked first, then the batches in the order in which they are used: everybody in the same.
# $1 location, $2 item, $3 quantity, $4 type, $5 actor, $6 reason, $7 document, $8 batch or null,
# $9 also what must not be given out (to dispose of it), $10 location that it goes to or null
TAKE = """
WITH place AS (
    SELECT id, stock_today(id) AS today FROM stock_location WHERE id = $1 AND active
), level AS (
    SELECT item_id FROM stock_level WHERE location_id = $1 AND item_id = $2 FOR UPDATE
), chosen AS (
    SELECT b.id, b.quantity, b.expiry_date FROM batch b, place p
    WHERE EXISTS (SELECT FROM level) AND b.item_id = $2 AND b.location_id = $1 AND b.in_stock
        AND ($8::uuid IS NULL OR b.id = $8) AND ($9 OR b.recalled_at IS NULL AND b.expiry_date >= p.today)
    ORDER BY b.expiry_date, b.id FOR UPDATE OF b
), summed AS (
    SELECT id, quantity, coalesce(
        sum(quantity) OVER (ORDER BY expiry_date, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM chosen
), parts AS (
    SELECT id, before, least(quantity, $3::numeric - before) AS part FROM summed WHERE before < $3
)
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id, reason, document,
    other_location_id)
SELECT $2, id, $1, $4, part, 0, $5, $6, $7, $10 FROM parts WHERE (SELECT sum(part) FROM parts) = $3 ORDER BY before
RETURNING batch_id, quantity
"""

# Rows that say by themselves which batches they move: those that came back, were received, or were counted.
# $1 location, $2 batches, $3 quantities, $4 type, $5 actor, $6 reason, $7 document, $8 location that it came from or null
ENTER = """
WITH moves AS (
    SELECT batch_id, quantity FROM unnest($2::uuid[], $3::numeric[]) AS given (batch_id, quantity)
), level AS (
    SELECT item_id FROM stock_level
    WHERE location_id = $1 AND item_id IN (SELECT b.item_id FROM batch b JOIN moves m ON m.batch_id = b.id)
    ORDER BY item_id FOR UPDATE
), locked AS (
    SELECT b.id, b.item_id, m.quantity, (SELECT count(*) FROM level) FROM batch b JOIN moves m ON m.batch_id = b.id
    WHERE b.location_id = $1 AND EXISTS (SELECT FROM stock_location l WHERE l.id = $1 AND l.active)
    ORDER BY b.item_id, b.expiry_date, b.id FOR UPDATE OF b
)
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id, reason, document,
    other_location_id)
SELECT item_id, id, $1, $4, quantity, 0, $5, $6, $7, $8 FROM locked
RETURNING batch_id, item_id, quantity, balance
"""

# Why nothing could be taken. $1 location, $2 item, $3 batch or null
WHY = """
SELECT l.active, stock_today(l.id) AS today, b.recalled_at, b.expiry_date, b.quantity,
    (SELECT coalesce(sum(o.quantity), 0) FROM batch o WHERE o.item_id = $2 AND o.location_id = $1 AND o.in_stock
        AND o.recalled_at IS NULL AND o.expiry_date >= stock_today($1)) AS available
FROM stock_location l LEFT JOIN batch b ON b.id = $3 AND b.item_id = $2 AND b.location_id = $1 WHERE l.id = $1
"""

# Those of the items that have become few and of which nobody was told yet. $1 location, $2 items
TELL_LOW = """
UPDATE stock_level SET told_low = true WHERE location_id = $1 AND item_id = ANY($2) AND low AND NOT told_low
RETURNING item_id, quantity, threshold
"""
