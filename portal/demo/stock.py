"""A catalogue of common generic medicines, and shelves that have been used for a while: some low, some about to expire."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from portal import db
from portal.demo.places import World
from portal.ids import uuid7

# Name and active ingredient, form, strength, unit, group, threshold, most units a day, price of one.
CATALOGUE = """
Paracetamol|Paracetamol|tablet|500 mg|TABLETS|Pain and fever|200|8|0.06
Paracetamol|Paracetamol|oral suspension|120 mg/5 ml|BOTTLES|Pain and fever|20||3.20
Ibuprofen|Ibuprofen|tablet|200 mg|TABLETS|Pain and fever|150|12|0.07
Ibuprofen|Ibuprofen|tablet|400 mg|TABLETS|Pain and fever|200|6|0.11
Ibuprofen|Ibuprofen|tablet|600 mg|TABLETS|Pain and fever|100|4|0.18
Ibuprofen|Ibuprofen|oral suspension|100 mg/5 ml|BOTTLES|Pain and fever|20||4.10
Diclofenac|Diclofenac|gastro-resistant tablet|50 mg|TABLETS|Pain and fever|100|3|0.12
Naproxen|Naproxen|tablet|250 mg|TABLETS|Pain and fever|60|4|0.16
Acetylsalicylic acid|Acetylsalicylic acid|tablet|100 mg|TABLETS|Heart and circulation|200||0.04
Metamizole|Metamizole|tablet|500 mg|TABLETS|Pain and fever|100|8|0.14
Tramadol|Tramadol|prolonged-release capsule|50 mg|CAPSULES|Pain and fever|40|8|0.22
Amoxicillin|Amoxicillin|capsule|500 mg|CAPSULES|Infections|120|6|0.19
Amoxicillin|Amoxicillin|powder for oral suspension|250 mg/5 ml|BOTTLES|Infections|15||5.40
Amoxicillin and clavulanic acid|Amoxicillin, clavulanic acid|tablet|875 mg/125 mg|TABLETS|Infections|80|3|0.42
Azithromycin|Azithromycin|tablet|500 mg|TABLETS|Infections|30|1|1.10
Clarithromycin|Clarithromycin|tablet|500 mg|TABLETS|Infections|40|2|0.65
Cefuroxime|Cefuroxime|tablet|500 mg|TABLETS|Infections|40|2|0.88
Ciprofloxacin|Ciprofloxacin|tablet|500 mg|TABLETS|Infections|40|3|0.55
Doxycycline|Doxycycline|capsule|100 mg|CAPSULES|Infections|40|2|0.34
Nitrofurantoin|Nitrofurantoin|prolonged-release capsule|100 mg|CAPSULES|Infections|40|2|0.60
Fosfomycin|Fosfomycin trometamol|granules|3 g|SACHETS|Infections|10|1|9.80
Metronidazole|Metronidazole|tablet|400 mg|TABLETS|Infections|40||0.21
Aciclovir|Aciclovir|tablet|400 mg|TABLETS|Infections|30|5|0.47
Fluconazole|Fluconazole|capsule|150 mg|CAPSULES|Infections|10||2.30
Amlodipine|Amlodipine|tablet|5 mg|TABLETS|Heart and circulation|200|2|0.05
Ramipril|Ramipril|tablet|5 mg|TABLETS|Heart and circulation|200|2|0.06
Lisinopril|Lisinopril|tablet|10 mg|TABLETS|Heart and circulation|100||0.06
Losartan|Losartan|tablet|50 mg|TABLETS|Heart and circulation|100|2|0.09
Candesartan|Candesartan cilexetil|tablet|8 mg|TABLETS|Heart and circulation|100|4|0.09
Bisoprolol|Bisoprolol|tablet|5 mg|TABLETS|Heart and circulation|150||0.06
Metoprolol|Metoprolol succinate|prolonged-release tablet|47.5 mg|TABLETS|Heart and circulation|150||0.08
Hydrochlorothiazide|Hydrochlorothiazide|tablet|25 mg|TABLETS|Heart and circulation|80||0.05
Furosemide|Furosemide|tablet|40 mg|TABLETS|Heart and circulation|80||0.06
Spironolactone|Spironolactone|tablet|25 mg|TABLETS|Heart and circulation|60||0.12
Simvastatin|Simvastatin|tablet|20 mg|TABLETS|Heart and circulation|100|2|0.06
Atorvastatin|Atorvastatin|tablet|20 mg|TABLETS|Heart and circulation|150|4|0.08
Clopidogrel|Clopidogrel|tablet|75 mg|TABLETS|Heart and circulation|80|1|0.14
Warfarin|Warfarin|tablet|5 mg|TABLETS|Heart and circulation|60||0.07
Metformin|Metformin|tablet|500 mg|TABLETS|Diabetes|200|6|0.04
Metformin|Metformin|tablet|850 mg|TABLETS|Diabetes|150|3|0.06
Gliclazide|Gliclazide|modified-release tablet|30 mg|TABLETS|Diabetes|80|4|0.10
Insulin glargine|Insulin glargine|solution for injection, pen|100 units/ml|UNITS|Diabetes|10||14.50
Levothyroxine|Levothyroxine sodium|tablet|50 micrograms|TABLETS|Hormones|200||0.07
Prednisolone|Prednisolone|tablet|5 mg|TABLETS|Hormones|80||0.09
Omeprazole|Omeprazole|gastro-resistant capsule|20 mg|CAPSULES|Stomach|150|2|0.10
Pantoprazole|Pantoprazole|gastro-resistant tablet|40 mg|TABLETS|Stomach|150|2|0.11
Loperamide|Loperamide|capsule|2 mg|CAPSULES|Stomach|60|8|0.15
Metoclopramide|Metoclopramide|tablet|10 mg|TABLETS|Stomach|50|3|0.09
Oral rehydration salts|Glucose, electrolytes|powder|20.5 g|SACHETS|Stomach|50||0.55
Salbutamol|Salbutamol|pressurised inhalation|100 micrograms|INHALERS|Airways|20||4.60
Beclometasone|Beclometasone dipropionate|pressurised inhalation|100 micrograms|INHALERS|Airways|10||11.20
Montelukast|Montelukast|tablet|10 mg|TABLETS|Airways|60|1|0.18
Cetirizine|Cetirizine|tablet|10 mg|TABLETS|Allergy|100|1|0.08
Loratadine|Loratadine|tablet|10 mg|TABLETS|Allergy|100|1|0.08
Sertraline|Sertraline|tablet|50 mg|TABLETS|Mind|80|4|0.13
Citalopram|Citalopram|tablet|20 mg|TABLETS|Mind|80|2|0.11
Amitriptyline|Amitriptyline|tablet|25 mg|TABLETS|Mind|60||0.10
Allopurinol|Allopurinol|tablet|100 mg|TABLETS|Joints|80||0.06
Folic acid|Folic acid|tablet|5 mg|TABLETS|Vitamins|80||0.04
Hydrocortisone|Hydrocortisone|cream|1 %|TUBES|Skin|15||3.90
Clotrimazole|Clotrimazole|cream|1 %|TUBES|Skin|15||3.40
"""
AT_CLINICS = ("Pain and fever", "Infections", "Airways", "Allergy")
LOW, SOON, GONE, STOPPED = 9, 7, 19, 23  # every so-manieth item is low, expires soon, is expired, is recalled

ITEM = """
INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type, category, reorder_threshold, max_daily)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
BATCH = """
INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
SELECT $1, $2, l.id, $4, $5, $6, $7, $8 FROM stock_location l WHERE l.id = $3
"""
RECEIVED = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id, reason, document)
VALUES ($1, $2, $3, 'IN', $4, 0, $5, '', $6)
"""
USED = """
INSERT INTO stock_use (item_id, location_id, day, quantity)
SELECT $1, $2, current_date - d, $3 * (1 + (d * 7 + $4) % 5) FROM generate_series(1, 58) AS d WHERE (d + $4) % 3 = 0
"""
RECALLED = """
UPDATE batch SET recalled_at = clock_timestamp(), recall_reason = 'Notice of the maker', counted = false WHERE id = $1
"""
COUNT = "INSERT INTO stock_count (id, location_id, actor_id, note) VALUES ($1, $2, $3, 'Monday, upper shelves')"
COUNT_LINES = """
INSERT INTO stock_count_line (count_id, batch_id, expected, counted)
SELECT $1, id, quantity, quantity - CASE WHEN row_number() OVER (ORDER BY id) % 4 = 0 THEN 2 ELSE 0 END FROM (
    SELECT id, quantity FROM batch WHERE location_id = $2 AND quantity >= 2 ORDER BY id LIMIT 12) b
"""
FOUND = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id, reason, document)
SELECT b.item_id, b.id, b.location_id, 'ADJUSTMENT', -2, 0, $2, 'Monday, upper shelves', 'count ' || l.count_id
FROM stock_count_line l JOIN batch b ON b.id = l.batch_id WHERE l.count_id = $1 AND l.counted <> l.expected
"""


async def make_in_tx(world: World) -> None:
    """Store the catalogue, and what the pharmacies and the first clinic keep of it."""
    pharmacist = await db.fetch_value("SELECT id FROM account WHERE email = 'pharmacy@example.com'")
    admin = await db.fetch_value("SELECT id FROM account WHERE email = 'clinic@example.com'")
    items = [await _item_in_tx(line.split("|")) for line in CATALOGUE.strip().splitlines()]
    today = await db.fetch_value("SELECT current_date")
    for number, (pharmacy_id, clinic) in enumerate(zip(world.pharmacies, world.clinics, strict=True)):
        for index, item in enumerate(items):
            if number == 0 or index % (number + 1) == 0:
                await _shelve_in_tx(item, index + 3 * number, pharmacy_id, pharmacist, clinic.currency, today)
    counted = uuid7()
    await db.execute(COUNT, counted, world.pharmacies[0], pharmacist)
    await db.execute(COUNT_LINES, counted, world.pharmacies[0])
    await db.execute(FOUND, counted, pharmacist)
    for index, item in enumerate(items):
        if item[1] in AT_CLINICS:
            await _shelve_in_tx(item, index + 4, world.clinics[0].id, admin, world.clinics[0].currency, today)


async def _item_in_tx(cells: list[str]) -> tuple[UUID, str, Decimal, Decimal]:
    item_id, threshold = uuid7(), Decimal(cells[6])
    most = Decimal(cells[7]) if cells[7] else None
    await db.execute(ITEM, item_id, *cells[:6], threshold, most)
    return item_id, cells[5], threshold, Decimal(cells[8])


async def _shelve_in_tx(
    item: tuple[UUID, str, Decimal, Decimal], index: int, location_id: UUID, actor_id: UUID, currency: str, today: date
) -> None:
    """Two batches, of which the first expires first; by its number an item is low, expires soon, is expired or recalled."""
    item_id, _group, threshold, price = item
    amount = (threshold * (2 + index % 4) / 4 if index % LOW else threshold * (index % 4) / 8).quantize(Decimal(1)) + 1
    first, second = 40 + index * 11 % 200, 260 + index * 13 % 400
    first = 6 + index % 20 if index % SOON == 0 else first
    batches = [(amount, first), (amount if index % LOW else Decimal(0), second)]
    if index % GONE == 0:
        batches.append((Decimal(12), -9))
    if index % STOPPED == 0:
        batches.append((Decimal(30), 500))
    for number, (quantity, days) in enumerate(batches):
        if not quantity:
            continue
        batch_id, lot = uuid7(), f"{chr(65 + index % 26)}{2400 + index * 37 + number * 11}"
        expires = today + timedelta(days=days)
        prices = ((price * Decimal("0.6")).quantize(Decimal("0.01")), price)
        await db.execute(BATCH, batch_id, item_id, location_id, lot, expires, *prices, currency)
        await db.execute(RECEIVED, item_id, batch_id, location_id, quantity, actor_id, f"Delivery {1040 + index % 7}")
        if days == 500:
            await db.execute(RECALLED, batch_id)
    await db.execute(USED, item_id, location_id, (threshold / 50).quantize(Decimal(1)) + 1, index)
