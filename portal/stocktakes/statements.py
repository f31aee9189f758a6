"""Counts, and the many batches of a file at once."""

# Each line of a count, if every one of its batches still holds what was expected of it; else none. Levels first, as always.
# $1 count, $2 location, $3 batches, $4 expected, $5 counted
COUNT_LINES = """
WITH given AS (
    SELECT * FROM unnest($3::uuid[], $4::numeric[], $5::numeric[]) AS line (batch_id, expected, counted)
), level AS (
    SELECT item_id FROM stock_level
    WHERE location_id = $2 AND item_id IN (SELECT b.item_id FROM batch b JOIN given g ON g.batch_id = b.id)
    ORDER BY item_id FOR UPDATE
), locked AS MATERIALIZED (
    SELECT b.id, b.quantity, g.expected, g.counted FROM batch b JOIN given g ON g.batch_id = b.id
    WHERE b.location_id = $2 AND (SELECT count(*) FROM level) >= 0
    ORDER BY b.item_id, b.expiry_date, b.id FOR UPDATE OF b
)
INSERT INTO stock_count_line (count_id, batch_id, expected, counted)
SELECT $1, id, expected, counted FROM locked
WHERE (SELECT count(*) FROM given) = (SELECT count(*) FROM locked WHERE quantity = expected)
RETURNING batch_id, counted - expected AS difference
"""
COUNT = "INSERT INTO stock_count (id, location_id, actor_id, note) VALUES ($1, $2, $3, $4)"
# Which batches hold something else by now. $1 location, $2 batches, $3 expected
MOVED = """
SELECT b.id, b.quantity FROM batch b JOIN unnest($2::uuid[], $3::numeric[]) AS given (batch_id, expected) ON given.batch_id = b.id
WHERE b.location_id = $1 AND b.quantity <> given.expected
"""

# Which item of the catalogue each line of a file means, where it means one. $1 names, $2 strengths, $3 forms, $4 units or ''
MATCH = """
SELECT line.number, count(i.id) AS found, min(i.id::text)::uuid AS item_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS line (name, strength, form, unit, number)
LEFT JOIN catalog_item i ON fold_text(i.name) = fold_text(line.name) AND fold_text(i.strength) = fold_text(line.strength)
    AND fold_text(i.form) = fold_text(line.form) AND (line.unit = '' OR i.unit_type = line.unit) AND i.is_active
GROUP BY line.number ORDER BY line.number
"""
NEW_ITEMS = """
INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type, category, reorder_threshold)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[])
"""
# $1 location, $2 ids, $3 items, $4 numbers, $5 expiries, $6 costs, $7 prices, $8 currencies or null
BATCHES = """
INSERT INTO batch AS b (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
SELECT n.id, n.item_id, $1, n.number, n.expiry, n.cost, n.price, coalesce(n.currency, l.currency)
FROM stock_location l, unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[], $6::numeric[], $7::numeric[], $8::text[])
    AS n (id, item_id, number, expiry, cost, price, currency)
WHERE l.id = $1
ON CONFLICT (item_id, location_id, batch_number, expiry_date) DO UPDATE SET cost_price = excluded.cost_price,
    selling_price = excluded.selling_price, currency = excluded.currency
RETURNING b.id, b.item_id, b.batch_number, b.expiry_date
"""
IMPORTED = "INSERT INTO stock_import (id, location_id, actor_id, digest, lines) VALUES ($1, $2, $3, $4, $5)"

EXPORT = """
SELECT i.name, b.batch_number, b.expiry_date, b.quantity, i.strength, i.form, i.active_ingredient, i.unit_type, i.category,
    b.cost_price, b.selling_price, b.currency, i.reorder_threshold
FROM batch b JOIN catalog_item i ON i.id = b.item_id WHERE b.location_id = ANY($1) AND b.in_stock
ORDER BY i.name_key, i.strength, b.expiry_date, b.id LIMIT 100000
"""
EXPORT_MOVEMENTS = """
SELECT t.created_at, l.name AS location, t.transaction_type, i.name, i.strength, i.form, b.batch_number, b.expiry_date,
    t.quantity, t.balance, i.unit_type, name_of(t.actor_id) AS actor, t.reason, t.document
FROM stock_transaction t JOIN catalog_item i ON i.id = t.item_id JOIN batch b ON b.id = t.batch_id
JOIN stock_location l ON l.id = t.location_id
WHERE t.location_id = ANY($1) AND ($2::date IS NULL OR t.created_at >= $2::date::timestamptz)
    AND ($3::date IS NULL OR t.created_at < ($3::date + 1)::timestamptz)
ORDER BY t.created_at DESC, t.id DESC LIMIT 20000
"""
