"""E7 and E8: doses and quantities that could be misread are refused; codes cannot be guessed and show a slip."""

import json
from collections import Counter
from decimal import Decimal
from math import log2
from typing import Any

import httpx
import pytest

from portal import db
from portal.prescriptions.numbers import LENGTH, SIGNS, new_code, read_code, shown_code
from portal.web.scalars import exact
from tests.catalogue import FULL, figure
from tests.prescriptions.conftest import Stage, issued, item, order, post

pytestmark = pytest.mark.anyio

# As they stand in JSON, where the first are no JSON at all: malformed. Every other one can be read, and is not allowed.
NO_JSON = ("NaN", "Infinity", "-Infinity")
BAD_DOSES = (
    *NO_JSON, '"NaN"', "-0", "0", "-1", "1e400", "1E+200000", "1e1", "5.0", "0.50", "0.1234567890123456789012345678901",
    '"1"', '"1,5"', '".5"', '"1."', '"5mg"', "true", "null", "10000", "0.0001", "[1]",
)  # fmt: skip
BAD_QUANTITIES = (
    *NO_JSON, "-1", "0", "1.0", "0.5", '"1"', "true", str(2**31), str(2**63), "9" * 5000, "1e400", "null",
)  # fmt: skip
BAD_STRENGTHS = ("5.0 mg", ".5 mg", "1. mg", "10,0 mg", "500 mg\u0000", "500 mg\u202e", "x" * 61, "0.50 mg", "\u200b")
RUSSIAN = "\u0430\u043c\u043e\u043a\u0441\u0438\u0446\u0438\u043b\u043b\u0438\u043d"  # amoxicillin
# Letters that look like others, of Cyrillic, Greek, Armenian and Cherokee; and words that only look strange.
LOOK_ALIKES = (
    "\u0410\u043coxicillin", "Amoxicillin\u0430", "\u03bfmeprazole", "Par\u0430cetamol 500", "R\u0430mipril-Hexal",
    "Ibupr\u0585fen", "\u13aamoxicillin", "A\u0301mo\u0445icillin", f"\u0410moxicillin + {RUSSIAN}",
)  # fmt: skip
WHOLE_WORDS = (
    RUSSIAN, f"Amoxicillin {RUSSIAN}", "\u03b1-Tocopherol", "Levothyroxine 50\u00b5g", "\u7ef4\u751f\u7d20C",
    "Am\u00f6xil \u00ae", "\u0623\u0645\u0648\u0643\u0633\u064a 500",
)  # fmt: skip


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
            expected = 400 if raw in NO_JSON else 422
            assert answer.status_code == expected, (name, raw, answer.status_code)
            named = [one["field"] for one in answer.json().get("errors", ())]
            assert expected == 400 or any(name in field for field in named), (name, raw, named)
            tried += 1
    for text in BAD_STRENGTHS:
        assert (await answer_to(client, stage, "strength", json.dumps(text))).status_code == 422, text
    for name in ("drug_name", "active_ingredient"):
        for text in LOOK_ALIKES:
            answer = await answer_to(client, stage, name, json.dumps(text))
            assert answer.status_code == 422, text
            assert answer.json()["errors"][0]["field"] == f"items.0.{name}", text
    figure("E7", f"{tried + len(BAD_STRENGTHS) + 2 * len(LOOK_ALIKES)} bad numbers, strengths and names: 0 accepted")


@pytest.mark.E7
async def test_whole_words_of_another_alphabet(client: httpx.AsyncClient, stage: Stage) -> None:
    for text in WHOLE_WORDS:
        checked = await post(client, stage.doctor, "/prescriptions/check", order(stage, item(drug_name=text)))
        assert checked.status_code == 200, (text, checked.text)


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


async def test_nothing_is_signed_when_every_code_is_taken(
    client: httpx.AsyncClient, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance gives the same code again and again: the doctor is asked to try later, and nothing stays behind."""
    monkeypatch.setattr("secrets.choice", lambda signs: signs[0])
    first = await issued(client, stage)
    refused = await client.post(
        "/api/prescriptions", json=order(stage, item(drug_name="Cetirizine")), headers=stage.doctor.bearer
    )
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    sql = "SELECT count(*) FROM prescription_item i JOIN prescription p ON p.id = i.prescription_id WHERE p.appointment_id = $1"
    assert await db.fetch_value(sql, stage.visit) == len(first["items"])
