"""The statements that read stock: of the places that are given, which are one's own."""

PLACES = (
    "SELECT id, kind, name, time_zone, currency, active FROM stock_location WHERE id = ANY($1) ORDER BY lower(name), id"
)

_BATCH = """
SELECT b.id, b.item_id, concat_ws(' ', i.name, nullif(i.strength, ''), nullif(i.form, '')) AS item_name, i.unit_type,
    b.location_id, b.batch_number, b.expiry_date, b.quantity, b.cost_price, b.selling_price, b.currency, b.recalled_at,
    b.recall_reason,
    b.expiry_date < d.today AS expired, b.expiry_date - d.today AS days_left
"""
_BATCHES = """
FROM batch b JOIN catalog_item i ON i.id = b.item_id JOIN stock_location l ON l.id = b.location_id,
    LATERAL (SELECT (clock_timestamp() AT TIME ZONE l.time_zone)::date AS today) d
"""
_AT = " WHERE b.location_id = ANY($1) AND ($2::uuid IS NULL OR b.item_id = $2)"
IN_STOCK = " AND b.in_stock"
LIST = _BATCH + _BATCHES + _AT
COUNT = "SELECT count(*) FROM batch b" + _AT
SHELF = "WITH given AS (SELECT $2::text) " + _BATCH + _BATCHES + " WHERE b.location_id = ANY($1) AND b.in_stock"
BY_PLACE = " ORDER BY i.name_key, i.strength, b.expiry_date, b.id OFFSET $3 LIMIT $4"
ONE = _BATCH + _BATCHES + " WHERE b.location_id = ANY($1) AND b.id = ANY($2) ORDER BY b.expiry_date, b.id"
BY_EXPIRY = " ORDER BY b.expiry_date, i.name_key, b.id OFFSET $3 LIMIT $4"
_SOON = " WHERE b.location_id = ANY($1) AND b.in_stock AND b.expiry_date <= d.today + $2::int"
EXPIRING = _BATCH + _BATCHES + _SOON + BY_EXPIRY
COUNT_EXPIRING = "SELECT count(*)" + _BATCHES + _SOON
_NUMBERED = " WHERE b.location_id = ANY($1) AND lower(b.batch_number) = lower($2)"
NUMBERED = _BATCH + _BATCHES + _NUMBERED + " ORDER BY i.name_key, b.id LIMIT 100"

# A batch that has expired since the last sweep is in the level still: it is taken off here.
_LINE = """
SELECT l.item_id, i.name, i.active_ingredient, i.form, i.strength, i.unit_type, i.category, l.location_id,
    l.quantity - x.gone AS quantity, l.threshold, l.threshold > 0 AND l.quantity - x.gone <= l.threshold AS low,
    x.earliest_expiry, x.unusable, x.today, l.own_threshold
"""
_JOINED = """
JOIN catalog_item i ON i.id = l.item_id JOIN stock_location p ON p.id = l.location_id,
LATERAL (
    SELECT d.today, coalesce(sum(b.quantity) FILTER (WHERE b.counted AND b.expiry_date < d.today), 0) AS gone,
        coalesce(sum(b.quantity) FILTER (WHERE NOT b.counted OR b.expiry_date < d.today), 0) AS unusable,
        min(b.expiry_date) FILTER (WHERE b.counted AND b.expiry_date >= d.today) AS earliest_expiry
    FROM (SELECT (clock_timestamp() AT TIME ZONE p.time_zone)::date AS today) d
    LEFT JOIN batch b ON b.item_id = l.item_id AND b.location_id = l.location_id AND b.in_stock GROUP BY d.today
) x
"""
_LINES = "FROM stock_level l" + _JOINED
_OWN = " WHERE l.location_id = ANY($1)"
BY_WORDS = " AND i.lexemes @@ search_query($2)"
STOCK = "WITH given AS (SELECT $2::text) " + _LINE + _LINES + _OWN
COUNT_STOCK = (
    "WITH given AS (SELECT $2::text) SELECT count(*) FROM stock_level l JOIN catalog_item i ON i.id = l.item_id" + _OWN
)
BY_NAME = " ORDER BY i.name_key, i.strength, l.item_id, l.location_id OFFSET $3 LIMIT $4"
OF_ITEM = _LINE + _LINES + _OWN + " AND l.item_id = $2"

# The little rows have an index of their own, so that nothing is read of the others. $1 places, $2 skip, $3 limit
_FOUND = """
WITH expired AS (
    SELECT b.item_id, b.location_id, sum(b.quantity) AS gone FROM batch b JOIN stock_location p ON p.id = b.location_id
    WHERE b.location_id = ANY($1) AND b.counted AND b.in_stock AND b.expiry_date < current_date + 2
        AND b.expiry_date < (clock_timestamp() AT TIME ZONE p.time_zone)::date
    GROUP BY b.item_id, b.location_id
), few AS (
    SELECT item_id, location_id, (quantity / threshold)::float8 AS part FROM stock_level WHERE location_id = ANY($1) AND low
    UNION ALL
    SELECT l.item_id, l.location_id, ((l.quantity - e.gone) / l.threshold)::float8 FROM expired e
    JOIN stock_level l ON l.item_id = e.item_id AND l.location_id = e.location_id
    WHERE NOT l.low AND l.threshold > 0 AND l.quantity - e.gone <= l.threshold
)
"""
_PAGE = ", page AS (SELECT * FROM few ORDER BY part, item_id, location_id OFFSET $2 LIMIT $3)"
_USED = """, LATERAL (
    SELECT coalesce(sum(s.quantity), 0) AS used, min(s.day) AS first_day FROM stock_use s
    WHERE s.item_id = l.item_id AND s.location_id = l.location_id AND s.day > x.today - 60
) u ORDER BY g.part, l.item_id, l.location_id
"""
LOW = (
    _FOUND
    + _PAGE
    + _LINE
    + """, u.used, u.first_day
FROM page g JOIN stock_level l ON l.item_id = g.item_id AND l.location_id = g.location_id"""
    + _JOINED
    + _USED
)
COUNT_LOW = _FOUND + "SELECT count(*) FROM few"
USE = """
SELECT location_id, sum(quantity) AS used, min(day) AS first_day FROM stock_use
WHERE item_id = $1 AND location_id = ANY($2) AND day > current_date - 60 GROUP BY location_id
"""

_TRANSACTION = """
SELECT t.id, t.item_id, concat_ws(' ', i.name, nullif(i.strength, ''), nullif(i.form, '')) AS item_name, i.unit_type,
    t.batch_id, b.batch_number, t.location_id, t.transaction_type, t.quantity, t.balance, t.actor_id,
    name_of(t.actor_id) AS actor_name, t.reason, t.document, t.other_location_id, o.name AS other_location_name, t.created_at
FROM stock_transaction t JOIN catalog_item i ON i.id = t.item_id JOIN batch b ON b.id = t.batch_id
LEFT JOIN stock_location o ON o.id = t.other_location_id
"""
BY_ID = _TRANSACTION + " WHERE t.id = ANY($1) ORDER BY t.created_at, t.id"
# By item, batch, type, first and last day; $1 places, $7 how many to leave out, $8 how many to give.
FILTERS = (
    " AND t.item_id = $2", " AND t.batch_id = $3", " AND t.transaction_type = $4",
    " AND t.created_at >= $5::date::timestamptz", " AND t.created_at < ($6::date + 1)::timestamptz",
)  # fmt: skip
COUNT_LEDGER = """
WITH given AS (SELECT $2::uuid, $3::uuid, $4::text, $5::date, $6::date)
SELECT count(*) FROM stock_transaction t WHERE t.location_id = ANY($1)
"""
# The latest of each place are at the head of its index, however long the ledger is.
LEDGER = """
WITH given AS (SELECT $2::uuid, $3::uuid, $4::text, $5::date, $6::date), page AS (
    SELECT m.id, m.created_at FROM unnest($1::uuid[]) AS p (id), LATERAL (
        SELECT t.id, t.created_at FROM stock_transaction t WHERE t.location_id = p.id
"""
LATEST = (
    """
        ORDER BY t.created_at DESC, t.id DESC LIMIT $7::int + $8::int) m
    ORDER BY m.created_at DESC, m.id DESC OFFSET $7 LIMIT $8
)
"""
    + _TRANSACTION
    + " WHERE t.id IN (SELECT id FROM page) ORDER BY t.created_at DESC, t.id DESC"
)
MOVEMENTS = """
SELECT coalesce(sum(movements), 0)::bigint FROM stock_level WHERE location_id = ANY($1) AND ($2::uuid IS NULL OR item_id = $2)
"""
OF_BATCHES = _TRANSACTION + " WHERE t.batch_id = ANY($1) ORDER BY t.created_at DESC, t.id DESC LIMIT 500"
