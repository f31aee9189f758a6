"""Files: known by their content, without what pictures carry, given out to be saved by the two alone (I5)."""

import asyncio
import struct
import zipfile
import zlib
from io import BytesIO
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from portal import db, storage
from portal.chat import actions, jobs, policy, uploads
from portal.web.forms import CSRF_FIELD
from tests import catalogue, factories
from tests.appointments.conftest import Cast, get
from tests.appointments.test_pages import see
from tests.chat.conftest import booked, days_ago, give, heard, token_of

pytestmark = pytest.mark.anyio

GUESSES = 90 if catalogue.FULL else 40  # of each stranger, through either face
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
SECRET = "Rosenstrasse 12"


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **more: object) -> bytes:
    made = BytesIO()
    Image.new(mode, size, more.pop("color", "teal")).save(made, kind, **more)  # type: ignore[arg-type]
    return made.getvalue()


def telling(kind: str) -> bytes:
    """A picture that says where it was taken, sideways, as phones make them."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8825] = 6, SECRET, {1: "N", 2: (52.0, 31.0, 12.0)}
    more: dict[str, object] = {"exif": exif, "icc_profile": b"icc " + SECRET.encode()}
    if kind == "PNG":
        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_text("Comment", SECRET)  # type: ignore[attr-defined]
    if kind == "JPEG":
        more["comment"] = SECRET.encode()
    return picture(kind, **more)


def vast_png(width: int, height: int) -> bytes:
    """A picture that says that it is vast, and has nothing in it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def archive() -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as found:
        found.writestr("word/vbaProject.bin", bytes(10_000_000))
    return made.getvalue()


BAD = {
    "empty.pdf": (b"", 422),
    "large.pdf": (PDF[:-6] + bytes(uploads.LARGEST - len(PDF) + 1) + PDF[-6:], 413),
    "page.pdf": (b"<!doctype html><script>alert(1)</script>%%EOF", 415),
    "program.pdf": (b"MZ\x90\x00" + bytes(500), 415),
    "drawing.pdf": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415),
    "archive.pdf": (archive(), 415),
    "letter.docx": (archive(), 415),
    "late.pdf": (b"\n\n" + PDF, 415),
    "cut.pdf": (PDF[:-6], 415),
    "both.gif": (b"GIF89a/*" + bytes(20) + b"*/=alert(1)//", 415),
    "moving.gif": (picture("GIF"), 415),
    "scan.tiff": (picture("TIFF"), 415),
    "vast.png": (vast_png(50_000, 50_000), 422),
    "long.png": (vast_png(17_000, 10), 422),
    "many.png": (vast_png(10_000, 5_000), 422),
    "half.jpg": (picture()[:200], 415),
    "sign.jpg": (b"\xff\xd8\xff\xe0", 415),
    "sign.webp": (b"RIFF\x00\x00\x00\x00WEBPVP8 ", 415),
    "sound.webp": (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), 415),
    "liar.png": (picture("PNG", (400, 400))[:60], 415),
}


@pytest.mark.I5
async def test_bad_files_are_refused_and_leave_nothing(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for name, (content, status) in BAD.items():
        answer = await give(client, cast.patient, visit, name, content)
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
    assert (await heard(client, cast.patient, visit))["messages"] == []
    assert await db.fetch_value("SELECT count(*) FROM chat_file WHERE appointment_id = $1", visit["id"]) == 0
    assert await left_behind() == 0
    catalogue.figure("I5", f"{len(BAD)} bad files: all refused as listed, 0 kept")


async def left_behind() -> int:
    """Files of the storage that no row names, taken away."""
    async with db.as_portal():
        from portal.chat.queries import kept_files

        return await storage.remove_orphans(actions.AREA, kept_files, seconds=-5)


@pytest.mark.I5
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_pictures_lose_what_they_carry(client: httpx.AsyncClient, cast: Cast, kind: str) -> None:
    visit = await booked(client, cast)
    original = telling(kind)
    assert SECRET.encode() in original
    sent = await give(client, cast.patient, visit, "IMG_1.HEIC", original)
    assert sent.status_code == 201, sent.text
    file = sent.json()["file"]
    answer = await get(client, cast.doctor, f"/appointments/{visit['id']}/files/{file['id']}")
    with Image.open(BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == (kind, (20, 40)), "not drawn the right way up"
        assert not shown.getexif() and not {"exif", "icc_profile", "comment", "Comment"} & shown.info.keys()
    assert SECRET.encode() not in answer.content and b"Exif" not in answer.content
    assert file["name"] == "IMG_1.HEIC" + uploads.ENDINGS[f"image/{kind.lower()}"][0]


@pytest.mark.I5
@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "I;16"), ("PNG", "1"), ("PNG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "L"),
                       ("JPEG", "CMYK"), ("WEBP", "RGBA")],
)  # fmt: skip
async def test_pictures_of_all_kinds_stay_what_they_show(kind: str, mode: str) -> None:
    color = 40_000 if mode == "I;16" else 1 if mode in ("1", "L", "P") else "#336699"
    given = picture(kind, mode=mode, color=color)
    checked = await uploads.check(uploads.Given("x", given))
    with Image.open(BytesIO(given)) as before, Image.open(BytesIO(checked.content)) as after:
        assert after.format == kind and after.size == before.size
        if mode in ("I;16", "L"):
            assert after.mode == before.mode and after.getpixel((0, 0)) == before.getpixel((0, 0))


NAMES = {
    "../../etc/passwd": "passwd.pdf", "..\\..\\boot.ini": "boot.ini.pdf", "CON": "_CON.pdf", "nul.pdf": "_nul.pdf",
    "x" * 300 + ".pdf": "x" * 120 + ".pdf", "\u202efdp.exe": "fdp.exe.pdf", "report.PDF": "report.pdf", "...": "File.pdf",
    "Befund Müller.pdf": "Befund Müller.pdf", "रिपोर्ट.pdf": "रिपोर्ट.pdf", "تقرير.pdf": "تقرير.pdf", "a;b=\"c'.pdf": "a;b=c'.pdf",
    "<img src=x onerror=alert(1)>.pdf": "img src=x onerror=alert(1).pdf", "a%0d%0ab.pdf": "a%0d%0ab.pdf",
    "=cmd().pdf": "=cmd().pdf",
}  # fmt: skip


@pytest.mark.I5
async def test_names_can_be_shown_and_saved_anywhere(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for given, wanted in NAMES.items():
        assert uploads.safe_name(given, "application/pdf") == wanted
    for odd in ("a\r\nSet-Cookie: x=1\r\n.pdf", "a\0.pdf", "\u2028", " . ", "\ud800.pdf"):
        name = uploads.safe_name(odd, "application/pdf")
        assert name.endswith(".pdf") and name.isprintable() and name == name.strip(), repr(name)
    for given in ("Befund Müller.pdf", "a;b=c'.pdf", "تقرير.pdf"):
        sent = await give(client, cast.doctor, visit, given, PDF)
        answer = await get(client, cast.patient, f"/appointments/{visit['id']}/files/{sent.json()['file']['id']}")
        plain, _, coded = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
        assert plain == 'attachment; filename="file.pdf"' and unquote(coded) == sent.json()["file"]["name"]
        assert coded.isascii() and not set(coded) & set("\"';,\r\n ")


@pytest.mark.I5
async def test_a_file_is_given_out_to_be_saved_from_a_sandbox(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    file = (await give(client, cast.patient, visit, "letter.pdf", PDF, body="my letter")).json()["file"]
    path = f"/appointments/{visit['id']}/files/{file['id']}"
    for answer in (await get(client, cast.doctor, path), await see(client, cast.doctor, path)):
        assert answer.content == PDF and answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none';") and "allow-" not in policy
    key = await db.fetch_value("SELECT storage_key FROM chat_file WHERE id = $1", file["id"])
    assert "letter" not in key
    listed = (await get(client, cast.doctor, f"/appointments/{visit['id']}/files")).json()
    assert (listed["total"], listed["skip"], listed["limit"]) == (1, 0, 10)
    assert [(one["id"], one["name"], one["size"]) for one in listed["files"]] == [(file["id"], "letter.pdf", len(PDF))]
    beyond = (await get(client, cast.doctor, f"/appointments/{visit['id']}/files", skip=1)).json()
    assert (beyond["total"], beyond["files"]) == (1, [])
    assert "letter.pdf" in (await see(client, cast.doctor, f"/appointments/{visit['id']}/files")).text


@pytest.mark.C10
async def test_no_third_person_gets_anything(client: httpx.AsyncClient, cast: Cast) -> None:
    """Neither with the address of the file in their own visit, nor with a guessed one, nor with one that was taken back."""
    visit, another = await booked(client, cast), await booked(client, cast, day=2)
    file = (await give(client, cast.patient, visit, "letter.pdf", PDF)).json()["file"]["id"]
    strangers = [cast.other_patient, cast.other_doctor, cast.admin, cast.other_admin]
    strangers += [await factories.person(role) for role in (factories.Role.SYSTEM_ADMIN, factories.Role.PHARMACY)]
    got = tried = 0
    for who in strangers:
        for at in [(visit["id"], file), (another["id"], file), *((visit["id"], uuid4()) for _ in range(GUESSES))]:
            path = f"/appointments/{at[0]}/files/{at[1]}"
            answers = [await get(client, who, path), await see(client, who, path)]
            assert {one.status_code for one in answers} <= {403, 404}
            got, tried = got + sum(one.status_code == 200 for one in answers), tried + len(answers)
    for who in (cast.patient, cast.doctor):  # of another visit of theirs it is no file
        assert (await get(client, who, f"/appointments/{another['id']}/files/{file}")).status_code == 404
    for answer in [await give(client, who, visit, "x.pdf", PDF) for who in strangers]:
        assert answer.status_code in (403, 404)
        tried += 1
    await db.execute("UPDATE appointment SET doctor_id = $2 WHERE id = $1", visit["id"], cast.other_doctor.id)
    assert (await get(client, cast.doctor, f"/appointments/{visit['id']}/files/{file}")).status_code == 404
    assert (await get(client, cast.doctor, f"/appointments/{visit['id']}/messages")).status_code == 404
    catalogue.figure("C10", f"{got} of {tried + 2} attempts got anything")


async def test_sent_twice_is_one_file(client: httpx.AsyncClient, cast: Cast) -> None:
    visit, once = await booked(client, cast), str(uuid4())
    sent = await asyncio.gather(*(give(client, cast.patient, visit, "a.pdf", PDF, client_id=once) for _ in range(5)))
    assert {one.status_code for one in sent} == {201} and len({one.json()["id"] for one in sent}) == 1
    assert len((await heard(client, cast.doctor, visit))["messages"]) == 1
    assert await left_behind() == 0


async def test_sent_again_with_its_key_is_one_file(client: httpx.AsyncClient, cast: Cast) -> None:
    """Each time with another boundary between the parts, as HTTP libraries do."""
    visit = await booked(client, cast)
    path = f"/api/appointments/{visit['id']}/files"
    headers = {**cast.patient.bearer, "Idempotency-Key": str(uuid4())}
    sent = [await client.post(path, headers=headers, files={"file": ("a.pdf", PDF)}) for _ in range(3)]
    assert [one.status_code for one in sent] == [201] * 3 and len({one.content for one in sent}) == 1
    other = await client.post(path, headers=headers, files={"file": ("b.pdf", PDF)})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert len((await heard(client, cast.doctor, visit))["messages"]) == 1


async def test_a_visit_has_room_for_so_many_files(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await booked(client, cast)
    monkeypatch.setattr(policy, "MOST_FILES", 3)
    sent = await asyncio.gather(*(give(client, cast.patient, visit, "a.pdf", PDF) for _ in range(6)))
    assert sorted(one.status_code for one in sent) == [201] * 3 + [413] * 3
    assert (await give(client, cast.doctor, visit, "a.pdf", PDF)).json()["code"] == "files_full"
    monkeypatch.setattr(policy, "MOST_FILES", 50)
    monkeypatch.setattr(actions, "MOST_BYTES", 4 * len(PDF))
    assert (await give(client, cast.doctor, visit, "a.pdf", PDF)).status_code == 201
    assert (await give(client, cast.doctor, visit, "a.pdf", PDF)).json()["code"] == "files_full"
    await days_ago(visit, 8)
    assert (await give(client, cast.doctor, visit, "a.pdf", PDF)).json()["code"] == "chat_closed"
    assert await left_behind() == 0


async def test_the_form_of_the_page(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    path, token = f"/appointments/{visit['id']}/chat", await token_of(client, cast.patient)
    headers = {"Cookie": f"login={cast.patient.secret}"}

    async def post(files: object, **fields: str) -> httpx.Response:
        data = {CSRF_FIELD: token, "client_id": str(uuid4()), **fields}
        return await client.post(path, headers=headers, data=data, files=files)  # type: ignore[arg-type]

    assert (await post({"file": ("scan.png", picture("PNG"))}, body="look")).status_code == 303
    nothing = await post({"file": ("", b"")}, body="")
    assert nothing.status_code == 422 and "choose a file" in nothing.text
    for name, (content, status) in BAD.items():
        if name != "empty.pdf":
            answer = await post({"file": (name, content)}, body="kept <b>words</b>")
            assert answer.status_code == status and "kept &lt;b&gt;words" in answer.text, name
    many = [("file", (f"{n}.pdf", PDF)) for n in range(200)]
    assert (await post(many)).status_code == 400
    assert (await post([("file", ("1.pdf", PDF)), ("file", ("2.pdf", PDF))])).status_code == 400
    wrong = await client.post(
        path, headers=headers | {"content-type": "multipart/form-data; boundary=x"},
        content=b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\n\xff\xfe\r\n--x--\r\n',
    )  # fmt: skip
    assert wrong.status_code == 400
    page = await see(client, cast.doctor, path)
    assert "scan.png" in page.text and "look" in page.text


async def test_a_body_beyond_all_limits_is_not_read(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    answer = await give(client, cast.patient, visit, "x.pdf", PDF + bytes(12 * 1024 * 1024))
    assert answer.status_code == 413


async def test_files_of_transactions_that_never_stood_go(client: httpx.AsyncClient, cast: Cast, settings) -> None:  # type: ignore[no-untyped-def]
    visit = await booked(client, cast)
    file = (await give(client, cast.patient, visit, "a.pdf", PDF)).json()["file"]
    await storage.put(f"{actions.AREA}/of-a-process-that-died", PDF, "application/pdf")
    await jobs.remove_orphans(settings)
    assert await storage.get(f"{actions.AREA}/of-a-process-that-died") == PDF  # too young to be sure
    assert await left_behind() == 1
    path = f"/appointments/{visit['id']}/files/{file['id']}"
    assert (await get(client, cast.patient, path)).content == PDF
