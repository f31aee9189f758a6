"""Stock, as it comes in and goes out. Amounts are exact decimals."""

from enum import StrEnum


class TransactionType(StrEnum):
    IN = "IN"
    OUT = "OUT"
    ADJUSTMENT = "ADJUSTMENT"
    DISPENSE = "DISPENSE"
    RETURN = "RETURN"
