"""E7 and E8: doses and quantities that could be misread are refused; codes cannot be guessed and show a slip."""

import json
from collections import Counter
from decimal import Decimal
from math import log2
from typing import Any

import httpx
import pytest

from portal.prescriptions.numbers import LENGTH, SIGNS, exact, new_code, read_code, shown_code
from tests.catalogue import FULL, figure
from tests.prescriptions.conftest import Stage, issued, item, order

pytestmark = pytest.mark.anyio

# As they stand in JSON.
BAD_DOSES = (
    "NaN", "Infinity", "-0", "0", "-1", "1e400", "1E+200000", "1e1", "5.0", "0.50", "0.1234567890123456789012345678901",
    '"1"', '"1,5"', '".5"', '"1."', '"5mg"', "true", "null", "10000", "0.0001", "[1]",
)  # fmt: skip
BAD_QUANTITIES = (
    "NaN", "-Infinity", "-1", "0", "1.0", "0.5", '"1"', "true", str(2**31), str(2**63), "9" * 5000, "1e400", "null",
)  # fmt: skip
BAD_STRENGTHS = ("5.0 mg", ".5 mg", "1. mg", "10,0 mg", "500 mg\u0000", "500 mg\u202e", "x" * 61, "0.50 mg", "\u200b")


async def answer_to(client: httpx.AsyncClient, stage: Stage, name: str, raw: str) -> httpx.Response:
    body = json.dumps(order(stage, item(**{name: "@@"}))).replace('"@@"', raw)
    headers = {**stage.doctor.bearer, "Content-Type": "application/json"}
    return await client.post("/api/prescriptions", content=body, headers=headers)


@pytest.mark.E7
async def test_bad_numbers(client: httpx.AsyncClient, stage: Stage) -> None:
    tried = 0
    for name, values in (("dose", BAD_DOSES), ("quantity", BAD_QUANTITIES)):
        for raw in values:
            answer = await answer_to(client, stage, name, raw)
            assert answer.status_code in (400, 422), (name, raw, answer.status_code)
            tried += 1
    for text in BAD_STRENGTHS:
        assert (await answer_to(client, stage, "strength", json.dumps(text))).status_code == 422, text
    figure("E7", f"{tried + len(BAD_STRENGTHS)} bad numbers and strengths: 0 accepted")


@pytest.mark.E7
async def test_printed_as_stored(client: httpx.AsyncClient, stage: Stage) -> None:
    made = await issued(
        client, stage,
        item(dose=0.125, quantity=2.625, dose_unit="MILLILITRES", unit="MILLILITRES", strength="0.25 mg/ml"),
    )  # fmt: skip
    (one,) = made["items"]
    assert (one["dose"], one["quantity"], one["strength"]) == (0.125, 2.625, "0.25 mg/ml")
    for number, text in (("5.000", "5"), ("0.500", "0.5"), ("100", "100"), ("1E+2", "100"), ("0.001", "0.001")):
        assert exact(Decimal(number)) == text


@pytest.mark.E8
def test_codes() -> None:
    """No sign that looks like another, evenly drawn, and every slip of one sign or of two neighbours shows."""
    assert not set(SIGNS) & set("01258BILOQSUZ") and len(set(SIGNS)) == 23
    entropy = (LENGTH - 1) * log2(len(SIGNS))
    assert entropy >= 36
    codes = [new_code() for _ in range(20_000 if FULL else 2_000)]
    assert len(set(codes)) == len(codes)
    share = Counter(sign for code in codes for sign in code[:-1])
    mean = sum(share.values()) / len(SIGNS)
    assert all(0.8 * mean < share[sign] < 1.2 * mean for sign in SIGNS)
    for code in codes[:50]:
        assert read_code(shown_code(code)) == read_code(f" {code.lower()} ") == code
        slips = [code[:at] + sign + code[at + 1 :] for at in range(LENGTH) for sign in SIGNS if sign != code[at]]
        slips += [code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(LENGTH - 1)]
        assert not [slip for slip in slips if slip != code and read_code(slip)]
    for text in ("", "ABC", "ACD-346-79", "0CD34679X", "acd 346 79é", "A" * 500, "ACD346797\u0000"):
        assert read_code(text) is None
    figure("E8", f"{entropy:.0f} bits a code; every wrong sign and swap of {50 * (LENGTH * 22 + LENGTH - 1)} noticed")


@pytest.mark.E8
async def test_guesses_find_nothing(client: httpx.AsyncClient, stage: Stage) -> None:
    """Guessed codes tell nothing, and what is told of a right one holds nobody's name."""
    made = await issued(client, stage)
    guesses = [new_code() for _ in range(10_000 if FULL else 200)]
    hits = [one for one in guesses if one != made["code"] and await found(client, one)]
    assert not hits and await found(client, made["code"])
    figure("E8", f"{len(guesses)} guesses: 0 hits")


async def found(client: httpx.AsyncClient, code: str) -> bool:
    shown: dict[str, Any] = (await client.get(f"/api/rx/{code}")).json()
    return bool(shown["authentic"])
