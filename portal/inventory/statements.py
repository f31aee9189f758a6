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
RETURNING id, batch_id, quantity
"""

# Rows that say by themselves which batches they move: those that came back, were received, or were counted; all or none.
# $1 location, $2 batches, $3 quantities, $4 type, $5 actor, $6 reason, $7 document, $8 location that it came from or null
ENTER = """
WITH moves AS (
    SELECT batch_id, sum(quantity) AS quantity FROM unnest($2::uuid[], $3::numeric[]) AS given (batch_id, quantity)
    GROUP BY batch_id
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
WHERE (SELECT count(*) FROM locked) = (SELECT count(*) FROM moves)
RETURNING id, item_id
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

# One place, or two at once: their rows in one order, whichever way the goods go. $1 item, $2 locations
LOCK_PLACES = """
SELECT location_id FROM stock_level WHERE item_id = $1 AND location_id = ANY($2) ORDER BY location_id FOR UPDATE
"""

# A batch that is there already takes the prices of what came last; without a currency it has the one of the place's last
# batch, or of the place. $1 id, $2 item, $3 location, $4 number, $5 expiry, $6 cost, $7 price, $8 currency or null
RECEIVE = """
INSERT INTO batch AS b (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
SELECT $1, i.id, l.id, $4, $5, $6, $7, coalesce($8, (
        SELECT o.currency FROM batch o WHERE o.location_id = l.id ORDER BY o.created_at DESC LIMIT 1), l.currency)
FROM catalog_item i, stock_location l WHERE i.id = $2 AND i.is_active AND l.id = $3
ON CONFLICT (item_id, location_id, batch_number, expiry_date) DO UPDATE SET cost_price = excluded.cost_price,
    selling_price = excluded.selling_price, currency = excluded.currency
RETURNING b.id
"""

# The same batches at another place, as they lie here. $1 batches, $2 location, $3 new ids
MIRROR = """
INSERT INTO batch AS b (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
SELECT n.id, o.item_id, $2, o.batch_number, o.expiry_date, o.cost_price, o.selling_price, o.currency
FROM unnest($1::uuid[], $3::uuid[]) AS n (batch_id, id) JOIN batch o ON o.id = n.batch_id ORDER BY n.batch_id
ON CONFLICT (item_id, location_id, batch_number, expiry_date) DO UPDATE SET currency = b.currency
RETURNING b.id, b.batch_number, b.expiry_date
"""

# The one batch of an item at a place that has been moved, where it is plain which is meant. $1 item, $2 location
ONLY_BATCH = "SELECT min(id::text)::uuid FROM batch WHERE item_id = $1 AND location_id = $2 HAVING count(*) = 1"

# $1 item, $2 location, $3 threshold, or null for the catalogue's
THRESHOLD = """
INSERT INTO stock_level AS l (item_id, location_id, threshold, own_threshold)
SELECT i.id, p.id, coalesce($3, i.reorder_threshold), $3::numeric IS NOT NULL FROM catalog_item i, stock_location p
WHERE i.id = $1 AND p.id = $2
ON CONFLICT (location_id, item_id) DO UPDATE SET threshold = excluded.threshold, own_threshold = excluded.own_threshold,
    told_low = l.told_low AND l.quantity <= excluded.threshold
RETURNING item_id
"""

# What has expired by the clock of its place is no longer part of what can be given out. $1 how many at most
EXPIRE = """
WITH due AS (
    SELECT b.id, b.item_id, b.location_id FROM batch b JOIN stock_location l ON l.id = b.location_id
    WHERE b.counted AND b.in_stock AND b.expiry_date < current_date + 2
        AND b.expiry_date < (clock_timestamp() AT TIME ZONE l.time_zone)::date LIMIT $1
), level AS (
    SELECT s.item_id FROM stock_level s WHERE (s.location_id, s.item_id) IN (SELECT location_id, item_id FROM due)
    ORDER BY s.location_id, s.item_id FOR UPDATE
)
UPDATE batch b SET counted = false WHERE b.id IN (SELECT id FROM due) AND b.counted AND (SELECT count(*) FROM level) >= 0
RETURNING b.item_id, b.location_id
"""

# Batches of which it is to be told that they expire soon, each once. $1 days, $2 how many at most
TELL_EXPIRING = """
WITH due AS (
    SELECT b.id FROM batch b JOIN stock_location l ON l.id = b.location_id
    WHERE NOT b.told_expiring AND b.in_stock AND b.recalled_at IS NULL AND b.expiry_date < current_date + $1::int + 2
        AND b.expiry_date <= (clock_timestamp() AT TIME ZONE l.time_zone)::date + $1::int
    ORDER BY b.expiry_date LIMIT $2 FOR UPDATE OF b SKIP LOCKED
)
UPDATE batch b SET told_expiring = true FROM due, stock_level s, stock_location l
WHERE b.id = due.id AND s.item_id = b.item_id AND s.location_id = b.location_id AND l.id = b.location_id
RETURNING b.id, b.item_id, b.location_id, b.expiry_date, b.quantity, s.threshold, l.kind
"""
