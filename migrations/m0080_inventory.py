"""Stock: one catalogue of medicines, batches at clinics and pharmacies, and a ledger that alone moves what they hold."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:80:00"
VERSION = "1.38.0"
DESCRIPTION = "inventory"

LOCATIONS = """
-- Where stock lies: a clinic or a pharmacy, by its own id, with what a ledger asks of it.
CREATE TABLE stock_location (
    id uuid CONSTRAINT stock_location_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT stock_location_kind_known CHECK (kind IN ('CLINIC', 'PHARMACY')),
    name text NOT NULL,
    time_zone text NOT NULL,
    currency text NOT NULL,
    active boolean NOT NULL
);
SELECT protect('stock_location');
CREATE POLICY read ON stock_location FOR SELECT USING (true);

CREATE FUNCTION stock_follows_place() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    INSERT INTO stock_location (id, kind, name, time_zone, currency, active)
    VALUES (NEW.id, upper(TG_TABLE_NAME), NEW.name, NEW.time_zone, coalesce(to_jsonb(NEW) ->> 'currency', 'USD'), NEW.active)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone, currency = excluded.currency,
        active = excluded.active;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER clinic_keeps_stock AFTER INSERT OR UPDATE OF name, time_zone, currency, active ON clinic
    FOR EACH ROW EXECUTE FUNCTION stock_follows_place();
CREATE TRIGGER pharmacy_keeps_stock AFTER INSERT OR UPDATE OF name, time_zone, active ON pharmacy
    FOR EACH ROW EXECUTE FUNCTION stock_follows_place();
INSERT INTO stock_location SELECT id, 'CLINIC', name, time_zone, currency, active FROM clinic;
INSERT INTO stock_location SELECT id, 'PHARMACY', name, time_zone, 'USD', active FROM pharmacy;

-- The day that it is there: a medicine may be given out up to and on the day of its expiry.
CREATE FUNCTION stock_today(place uuid) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (clock_timestamp() AT TIME ZONE l.time_zone)::date FROM stock_location l WHERE l.id = place
$$;
"""

CATALOGUE = """
CREATE TABLE catalog_item (
    id uuid CONSTRAINT catalog_item_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT catalog_item_name_length CHECK (length(name) BETWEEN 1 AND 200),
    active_ingredient text NOT NULL DEFAULT ''
        CONSTRAINT catalog_item_ingredient_length CHECK (length(active_ingredient) <= 200),
    form text NOT NULL DEFAULT '' CONSTRAINT catalog_item_form_length CHECK (length(form) <= 100),
    strength text NOT NULL DEFAULT '' CONSTRAINT catalog_item_strength_length CHECK (length(strength) <= 100),
    unit_type text NOT NULL CONSTRAINT catalog_item_unit_known CHECK (unit_type IN (
        'TABLETS', 'CAPSULES', 'BOTTLES', 'VIALS', 'AMPOULES', 'TUBES', 'SACHETS', 'INHALERS', 'PATCHES', 'SUPPOSITORIES',
        'PACKS', 'MILLILITRES', 'GRAMS', 'UNITS')),
    category text NOT NULL DEFAULT '',
    reorder_threshold numeric(12, 3) NOT NULL DEFAULT 0
        CONSTRAINT catalog_item_threshold_not_negative CHECK (reorder_threshold >= 0),
    max_daily numeric(12, 3) CONSTRAINT catalog_item_max_daily_positive CHECK (max_daily > 0),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    name_key text NOT NULL GENERATED ALWAYS AS (fold_text(name)) STORED,
    ingredient_key text NOT NULL GENERATED ALWAYS AS (fold_text(active_ingredient)) STORED,
    lexemes tsvector NOT NULL GENERATED ALWAYS AS (
        array_to_tsvector(search_words(name || ' ' || active_ingredient || ' ' || strength))) STORED
);
CREATE UNIQUE INDEX catalog_item_once ON catalog_item (fold_text(name), fold_text(form), fold_text(strength), unit_type)
    WHERE is_active;
CREATE INDEX catalog_item_words ON catalog_item USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX catalog_item_by_name ON catalog_item (name_key, id);
CREATE INDEX catalog_item_of_ingredient ON catalog_item (ingredient_key) WHERE is_active;

-- Names of medicines are for everybody; those who keep stock keep them.
SELECT protect('catalog_item');
CREATE POLICY read ON catalog_item FOR SELECT USING (true);
CREATE POLICY keep ON catalog_item FOR INSERT WITH CHECK (app_role() IN ('PHARMACY', 'CLINIC_ADMIN'));
CREATE POLICY change ON catalog_item FOR UPDATE USING (app_role() IN ('PHARMACY', 'CLINIC_ADMIN'));
"""

STOCK = """
CREATE TABLE batch (
    id uuid CONSTRAINT batch_pkey PRIMARY KEY,
    item_id uuid NOT NULL CONSTRAINT batch_item_fkey REFERENCES catalog_item,
    location_id uuid NOT NULL CONSTRAINT batch_location_fkey REFERENCES stock_location,
    batch_number text NOT NULL CONSTRAINT batch_number_length CHECK (length(batch_number) BETWEEN 1 AND 60),
    expiry_date date NOT NULL CONSTRAINT batch_expiry_plausible CHECK (expiry_date BETWEEN '2000-01-01' AND '2200-01-01'),
    quantity numeric(14, 3) NOT NULL DEFAULT 0 CONSTRAINT batch_quantity_not_negative CHECK (quantity >= 0)
        CONSTRAINT batch_quantity_bounded CHECK (quantity <= 999999999),
    cost_price numeric(10, 2) NOT NULL CONSTRAINT batch_cost_not_negative CHECK (cost_price >= 0),
    selling_price numeric(10, 2) NOT NULL CONSTRAINT batch_price_not_negative CHECK (selling_price >= 0),
    currency text NOT NULL CONSTRAINT batch_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    recalled_at timestamptz,
    recall_reason text,
    counted boolean NOT NULL DEFAULT true,
    told_expiring boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    in_stock boolean NOT NULL GENERATED ALWAYS AS (quantity > 0) STORED,
    CONSTRAINT batch_once UNIQUE (item_id, location_id, batch_number, expiry_date),
    CONSTRAINT batch_recall_reason CHECK (recalled_at IS NULL OR recall_reason <> '')
);
COMMENT ON COLUMN batch.counted IS 'whether it is part of stock_level.quantity: neither recalled nor known to be expired';
CREATE INDEX batch_first_expiring ON batch (item_id, location_id, expiry_date, id) WHERE in_stock;
CREATE INDEX batch_expiring ON batch (location_id, expiry_date) WHERE in_stock;
CREATE INDEX batch_to_expire ON batch (expiry_date) WHERE counted AND in_stock;
CREATE INDEX batch_to_tell ON batch (expiry_date) WHERE NOT told_expiring AND in_stock;
CREATE INDEX batch_by_number ON batch (lower(batch_number));

-- What there is of an item at a location and may be given out, and from where on it is little: one row to look at.
CREATE TABLE stock_level (
    item_id uuid NOT NULL CONSTRAINT stock_level_item_fkey REFERENCES catalog_item,
    location_id uuid NOT NULL CONSTRAINT stock_level_location_fkey REFERENCES stock_location,
    quantity numeric(18, 3) NOT NULL DEFAULT 0,
    threshold numeric(12, 3) NOT NULL CONSTRAINT stock_level_threshold_not_negative CHECK (threshold >= 0),
    own_threshold boolean NOT NULL DEFAULT false,
    told_low boolean NOT NULL DEFAULT false,
    movements bigint NOT NULL DEFAULT 0,
    low boolean NOT NULL GENERATED ALWAYS AS (threshold > 0 AND quantity <= threshold) STORED,
    CONSTRAINT stock_level_pkey PRIMARY KEY (location_id, item_id)
) WITH (fillfactor = 80);
CREATE INDEX stock_level_of_item ON stock_level (item_id);
CREATE INDEX stock_level_low ON stock_level (location_id, item_id) WHERE low;

-- What was used on a day, for the forecast: dispensed and taken out, less what came back; transfers are no use.
CREATE TABLE stock_use (
    item_id uuid NOT NULL CONSTRAINT stock_use_item_fkey REFERENCES catalog_item,
    location_id uuid NOT NULL CONSTRAINT stock_use_location_fkey REFERENCES stock_location,
    day date NOT NULL,
    quantity numeric(18, 3) NOT NULL,
    CONSTRAINT stock_use_pkey PRIMARY KEY (location_id, item_id, day)
) WITH (fillfactor = 80);
"""

# UUIDv7 for rows of which one statement makes as many as it must.
LEDGER = """
CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
        'hex')::uuid
$$;

CREATE TABLE stock_transaction (
    id uuid DEFAULT new_id() CONSTRAINT stock_transaction_pkey PRIMARY KEY,
    item_id uuid NOT NULL CONSTRAINT stock_transaction_item_fkey REFERENCES catalog_item,
    batch_id uuid NOT NULL CONSTRAINT stock_transaction_batch_fkey REFERENCES batch,
    location_id uuid NOT NULL CONSTRAINT stock_transaction_location_fkey REFERENCES stock_location,
    transaction_type text NOT NULL CONSTRAINT stock_transaction_type_known
        CHECK (transaction_type IN ('IN', 'OUT', 'ADJUSTMENT', 'DISPENSE', 'RETURN')),
    quantity numeric(12, 3) NOT NULL,
    balance numeric(14, 3) NOT NULL CONSTRAINT stock_transaction_balance_not_negative CHECK (balance >= 0),
    actor_id uuid NOT NULL,
    reason text NOT NULL DEFAULT '',
    document text NOT NULL DEFAULT '',
    other_location_id uuid CONSTRAINT stock_transaction_other_fkey REFERENCES stock_location,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT stock_transaction_sign CHECK (quantity > 0 OR transaction_type = 'ADJUSTMENT' AND quantity <> 0)
);
COMMENT ON COLUMN stock_transaction.balance IS 'of the batch, after the movement';
CREATE INDEX stock_transaction_of_batch ON stock_transaction (batch_id, created_at DESC);
CREATE INDEX stock_transaction_of_item ON stock_transaction (location_id, item_id, created_at DESC);
CREATE INDEX stock_transaction_at ON stock_transaction (location_id, created_at DESC);

-- The row of the ledger moves the batch, in the same statement; nothing else does. Whoever moves has the level's row
-- first, so that all who move one item at one location take turns and none waits for another in a circle.
CREATE FUNCTION stock_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
    delta numeric := CASE WHEN NEW.transaction_type IN ('OUT', 'DISPENSE') THEN -NEW.quantity ELSE NEW.quantity END;
    moved batch; today date := stock_today(NEW.location_id);
BEGIN
    INSERT INTO stock_level (item_id, location_id, quantity, threshold, movements)
    SELECT i.id, NEW.location_id, delta, i.reorder_threshold, 1 FROM catalog_item i WHERE i.id = NEW.item_id
    ON CONFLICT (location_id, item_id) DO UPDATE SET quantity = stock_level.quantity + delta,
        movements = stock_level.movements + 1,
        told_low = stock_level.told_low AND stock_level.quantity + delta <= stock_level.threshold;
    UPDATE batch b SET quantity = b.quantity + delta
    WHERE b.id = NEW.batch_id AND b.item_id = NEW.item_id AND b.location_id = NEW.location_id AND b.quantity + delta >= 0
    RETURNING b.* INTO moved;
    IF moved.id IS NULL THEN
        RAISE 'there is not that much in the batch' USING ERRCODE = 'check_violation',
            TABLE = 'batch', CONSTRAINT = 'batch_quantity_not_negative';
    ELSIF NEW.transaction_type = 'DISPENSE' AND moved.recalled_at IS NOT NULL THEN
        RAISE 'the batch is recalled' USING ERRCODE = 'check_violation', TABLE = 'batch', CONSTRAINT = 'batch_not_recalled';
    ELSIF NEW.transaction_type = 'DISPENSE' AND moved.expiry_date < today THEN
        RAISE 'the batch is expired' USING ERRCODE = 'check_violation', TABLE = 'batch', CONSTRAINT = 'batch_not_expired';
    END IF;
    IF NOT moved.counted THEN
        UPDATE stock_level l SET quantity = l.quantity - delta
        WHERE l.item_id = NEW.item_id AND l.location_id = NEW.location_id;
    END IF;
    IF NEW.transaction_type IN ('OUT', 'DISPENSE', 'RETURN') AND NEW.other_location_id IS NULL THEN
        INSERT INTO stock_use (item_id, location_id, day, quantity) VALUES (NEW.item_id, NEW.location_id, today, -delta)
        ON CONFLICT (location_id, item_id, day) DO UPDATE SET quantity = stock_use.quantity + excluded.quantity;
    END IF;
    NEW.balance := moved.quantity;
    NEW.created_at := clock_timestamp();
    now_as := set_config('app.role', before, true);
    RETURN NEW;
END $$;
CREATE TRIGGER stock_transaction_moves BEFORE INSERT ON stock_transaction FOR EACH ROW EXECUTE FUNCTION stock_moves();

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stock_transaction is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER stock_transaction_unchanged BEFORE UPDATE OR DELETE ON stock_transaction
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER stock_transaction_kept BEFORE TRUNCATE ON stock_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

-- A batch begins empty, holds what the ledger says, and stays.
CREATE FUNCTION batch_follows_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN
        RAISE EXCEPTION 'a batch is moved by its ledger alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER batch_begins_empty BEFORE INSERT ON batch FOR EACH ROW WHEN (NEW.quantity <> 0)
    EXECUTE FUNCTION batch_follows_ledger();
CREATE TRIGGER batch_moves BEFORE UPDATE ON batch FOR EACH ROW
    WHEN ((OLD.quantity, OLD.id, OLD.item_id, OLD.location_id) IS DISTINCT FROM (NEW.quantity, NEW.id, NEW.item_id, NEW.location_id))
    EXECUTE FUNCTION batch_follows_ledger();
CREATE TRIGGER batch_stays BEFORE DELETE ON batch FOR EACH ROW EXECUTE FUNCTION batch_follows_ledger();

-- What is recalled or expired is no longer there to be given out; what comes back from a recall is.
CREATE FUNCTION level_follows_batch() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
    delta numeric := CASE WHEN NEW.counted THEN NEW.quantity ELSE -NEW.quantity END;
BEGIN
    UPDATE stock_level l SET quantity = l.quantity + delta, told_low = l.told_low AND l.quantity + delta <= l.threshold
    WHERE l.item_id = NEW.item_id AND l.location_id = NEW.location_id;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER batch_counts AFTER UPDATE OF counted ON batch FOR EACH ROW WHEN (OLD.counted <> NEW.counted)
    EXECUTE FUNCTION level_follows_batch();

-- A threshold that a location has not chosen itself is the catalogue's.
CREATE FUNCTION levels_follow_item() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    UPDATE stock_level l SET threshold = NEW.reorder_threshold,
        told_low = l.told_low AND l.quantity <= NEW.reorder_threshold
    WHERE l.item_id = NEW.id AND NOT l.own_threshold;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_item_threshold AFTER UPDATE OF reorder_threshold ON catalog_item FOR EACH ROW
    WHEN (OLD.reorder_threshold <> NEW.reorder_threshold) EXECUTE FUNCTION levels_follow_item();
"""

# A count says what it expected of each batch: where that has changed since, nothing of the count is kept.
COUNTS = """
CREATE TABLE stock_count (
    id uuid CONSTRAINT stock_count_pkey PRIMARY KEY,
    location_id uuid NOT NULL CONSTRAINT stock_count_location_fkey REFERENCES stock_location,
    actor_id uuid NOT NULL,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX stock_count_of_location ON stock_count (location_id, created_at DESC);

CREATE TABLE stock_count_line (
    count_id uuid NOT NULL CONSTRAINT stock_count_line_count_fkey REFERENCES stock_count,
    batch_id uuid NOT NULL CONSTRAINT stock_count_line_batch_fkey REFERENCES batch,
    expected numeric(14, 3) NOT NULL,
    counted numeric(14, 3) NOT NULL CONSTRAINT stock_count_line_not_negative CHECK (counted >= 0),
    CONSTRAINT stock_count_line_pkey PRIMARY KEY (count_id, batch_id)
);

-- A file is taken in once at a place: the same lines again would double its stock.
CREATE TABLE stock_import (
    id uuid CONSTRAINT stock_import_pkey PRIMARY KEY,
    location_id uuid NOT NULL CONSTRAINT stock_import_location_fkey REFERENCES stock_location,
    actor_id uuid NOT NULL,
    digest bytea NOT NULL,
    lines integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT stock_import_once UNIQUE (location_id, digest)
);
"""

WALLS = """
CREATE FUNCTION own_stock_locations() RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor() AND app_role() = 'CLINIC_ADMIN'
    UNION ALL SELECT p.pharmacy_id FROM pharmacist p WHERE p.account_id = app_actor() AND app_role() = 'PHARMACY'
$$;

SELECT protect('batch'), protect('stock_level'), protect('stock_use'), protect('stock_transaction'), protect('stock_count'),
    protect('stock_count_line'), protect('stock_import');
CREATE POLICY own ON batch USING (location_id IN (SELECT own_stock_locations()));
CREATE POLICY own ON stock_level USING (location_id IN (SELECT own_stock_locations()));
CREATE POLICY read ON stock_use FOR SELECT USING (location_id IN (SELECT own_stock_locations()));
CREATE POLICY read ON stock_transaction FOR SELECT USING (location_id IN (SELECT own_stock_locations()));
CREATE POLICY tell ON stock_transaction FOR INSERT WITH CHECK (
    actor_id = app_actor() AND location_id IN (SELECT own_stock_locations()));

CREATE POLICY read ON stock_count FOR SELECT USING (location_id IN (SELECT own_stock_locations()));
CREATE POLICY tell ON stock_count FOR INSERT WITH CHECK (
    actor_id = app_actor() AND location_id IN (SELECT own_stock_locations()));
CREATE POLICY read ON stock_count_line FOR SELECT USING (
    EXISTS (SELECT FROM stock_count c WHERE c.id = stock_count_line.count_id));
CREATE POLICY tell ON stock_count_line FOR INSERT WITH CHECK (
    EXISTS (SELECT FROM stock_count c WHERE c.id = stock_count_line.count_id AND c.actor_id = app_actor()));
CREATE POLICY read ON stock_import FOR SELECT USING (location_id IN (SELECT own_stock_locations()));
CREATE POLICY tell ON stock_import FOR INSERT WITH CHECK (
    actor_id = app_actor() AND location_id IN (SELECT own_stock_locations()));

-- What others may know of a location's stock: how much can be given out, and what expires first; no batch, no price.
CREATE FUNCTION stock_at(items uuid[], places uuid[])
RETURNS TABLE (item_id uuid, location_id uuid, quantity numeric, earliest_expiry date) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT b.item_id, b.location_id, sum(b.quantity), min(b.expiry_date)
    FROM batch b JOIN stock_location l ON l.id = b.location_id AND l.active
    WHERE b.item_id = ANY (items) AND b.location_id = ANY (places) AND b.in_stock AND b.recalled_at IS NULL
        AND b.expiry_date >= (clock_timestamp() AT TIME ZONE l.time_zone)::date
    GROUP BY b.item_id, b.location_id;
    now_as := set_config('app.role', before, true);
END $$;
REVOKE EXECUTE ON FUNCTION stock_at FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stock_at TO care_portal_app;
"""


async def create() -> None:
    for script in (LOCATIONS, CATALOGUE, STOCK, LEDGER, COUNTS, WALLS):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
