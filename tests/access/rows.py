"""All policy rows."""

from tests.access import (
    rows_accounts,
    rows_boards,
    rows_counter,
    rows_emergencies,
    rows_people,
    rows_prescriptions,
    rows_queues,
    rows_repairs,
    rows_schedules,
    rows_stock,
    rows_visits,
    rows_waitlist,
)
from tests.access.policy import Row

ROWS: list[Row] = [
    *rows_accounts.ROWS,
    *rows_boards.ROWS,
    *rows_counter.ROWS,
    *rows_emergencies.ROWS,
    *rows_people.ROWS,
    *rows_prescriptions.ROWS,
    *rows_queues.ROWS,
    *rows_repairs.ROWS,
    *rows_schedules.ROWS,
    *rows_stock.ROWS,
    *rows_visits.ROWS,
    *rows_waitlist.ROWS,
]
