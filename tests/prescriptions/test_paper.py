"""The typeset page as a picture: its QR code is read from it and verified with nothing but the published key."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import httpx
import pypdfium2
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portal import db
from portal.accounts.keys import encoded
from tests.prescriptions.conftest import Stage, issued, item

pytestmark = pytest.mark.anyio

# A second page would be needed by this one alone.
MANY = [item(drug_name=f"Medicine {n}", instructions="Take it with a glass of water. " * 8) for n in range(10)]


async def paper(client: httpx.AsyncClient, stage: Stage, prescription_id: str) -> pypdfium2.PdfDocument:
    answer = await client.get(f"/api/prescriptions/{prescription_id}/pdf", headers=stage.patient.bearer)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"].startswith("no-store")
    return pypdfium2.PdfDocument(answer.content)


def texts(document: pypdfium2.PdfDocument) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def scanned(document: pypdfium2.PdfDocument) -> str:
    """The QR code of the last page, as a phone reads it."""
    picture = document[len(document) - 1].render(scale=2).to_pil().convert("L")
    (code,) = [one for one in zxingcpp.read_barcodes(picture) if "QR" in str(one.format)]
    return str(code.text)


def part(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def verified_offline(client: httpx.AsyncClient, link: str) -> dict[str, Any]:
    """As docs/prescriptions.md tells: the token's signature over its first two parts, with the key of its `kid`."""
    header, payload, signature = link.rpartition("/rx/")[2].split(".")
    named = json.loads(part(header))
    keys = (await client.get("/.well-known/prescription-keys.json")).json()["keys"]
    (key,) = [one for one in keys if one["kid"] == named["kid"]]
    Ed25519PublicKey.from_public_bytes(part(key["x"])).verify(part(signature), f"{header}.{payload}".encode())
    found: dict[str, Any] = json.loads(part(payload))
    return found


@pytest.mark.parametrize(
    ("locale", "name"), [("en", "Zoë Łukasz"), ("ar", "ليلى حداد"), ("hi", "अनन्या शर्मा"), ("es", "Íñigo")]
)
async def test_the_code_is_read_from_the_picture(
    client: httpx.AsyncClient, stage: Stage, locale: str, name: str
) -> None:
    await db.execute("UPDATE account SET locale = $2, first_name = $3 WHERE id = $1", stage.patient.id, locale, name)
    made = await issued(client, stage)
    document = await paper(client, stage, made["id"])
    link = scanned(document)
    assert link == made["link"]
    said = await verified_offline(client, link)
    assert said["code"] == made["code"]
    shown = texts(document)
    assert f"{made['code'][:3]}-{made['code'][3:6]}-{made['code'][6:]}" in shown and "Paracetamol 500 mg" in shown
    assert "With water." in shown  # in whatever language: no font is taken for another
    if locale == "en":
        assert name in shown and "21 tablets" in shown and "1 tablet, three times a day, for 7 days" in shown


async def test_a_forged_link_is_not_verified(client: httpx.AsyncClient, stage: Stage) -> None:
    link = (await issued(client, stage))["link"]
    header, payload, signature = link.rpartition("/rx/")[2].split(".")
    other = json.loads(part(payload)) | {"exp": 4102444800}
    forged = f"https://x.example/rx/{header}.{encoded(json.dumps(other).encode())}.{signature}"
    with pytest.raises(Exception):  # noqa: B017  # whatever the library says to a bad signature
        await verified_offline(client, forged)


async def test_long_and_hostile_texts(client: httpx.AsyncClient, stage: Stage) -> None:
    """Ten medicines take two pages and no more than they need; whatever is typed is printed as it is."""
    hostile = "<script>alert(1)</script> =cmd() {{7*7}} %PDF (\\) عربي हिन्दी 漢字 🩺"
    warned = [*MANY[:9], item(drug_name=hostile[:60], instructions=hostile)]
    made = await issued(client, stage, *warned, notes=hostile + "\n" + "Long. " * 200)
    document = await paper(client, stage, made["id"])
    assert 2 <= len(document) <= 4
    shown = texts(document)
    assert "<script>alert(1)</script> =cmd() {{7*7}} %PDF (\\)" in shown.replace("\r\n", " ").replace("\n", " ")
    assert shown.count(f"{made['code'][:3]}-{made['code'][3:6]}") >= len(document)
    assert scanned(document) == made["link"]
