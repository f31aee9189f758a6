"""The headers of every answer of the access matrix (D8): what browsers may do with it, and what they keep."""

import re
from collections import Counter
from http.cookies import SimpleCookie

import pytest

from portal.web import headers
from tests import catalogue
from tests.access.matrix import Cell, Matrix
from tests.access.stage import matrix_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.D8]

NONCE = re.compile(r"'nonce-([\w-]{20,})'")
LOGIN_COOKIES = {"__Host-login", "__Host-visitor"}
KEPT = re.compile(r"^/(static/|\.well-known/|schema|health|sw\.js|offline)")  # the same for everybody


@pytest.fixture(scope="module")
async def matrix(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return await matrix_of(database_url, tmp_path_factory.mktemp("data"))


def header(cell: Cell, name: str) -> str:
    return next((value for key, value in cell.headers if key == name), "")


def test_every_answer_has_the_headers(matrix: Matrix) -> None:
    wanted = {name.lower(): value for name, value in headers.ALWAYS.items()}
    wrong = [
        f"{cell}: {name}: {header(cell, name)}"
        for cell in matrix.cells
        for name, value in wanted.items()
        if header(cell, name) != value
    ]
    assert not wrong, wrong[:20]
    assert not [str(cell) for cell in matrix.cells if "max-age=" not in header(cell, "strict-transport-security")]
    assert wanted["x-content-type-options"] == "nosniff"
    assert wanted["referrer-policy"] in ("same-origin", "no-referrer")


def test_every_answer_has_a_strict_policy(matrix: Matrix) -> None:
    wrong = []
    for cell in matrix.cells:
        policy = dict(part.strip().partition(" ")[::2] for part in header(cell, "content-security-policy").split(";"))
        fixed = {name: policy.get(name) for name in ("default-src", "object-src", "base-uri", "frame-ancestors")}
        scripts = policy.get("script-src", "").split()
        loose = [word for word in " ".join(policy.values()).split() if word.startswith(("'unsafe", "http:", "*"))]
        if set(fixed.values()) != {"'none'"} or loose or not all(NONCE.fullmatch(word) for word in scripts):
            wrong.append(f"{cell}: {policy}")
    assert not wrong, wrong[:10]


def test_no_nonce_and_no_request_id_comes_twice(matrix: Matrix) -> None:
    """Each answer has its own; made up to the 10,000 of the catalogue by the same function."""
    policies = [header(cell, "content-security-policy") for cell in matrix.cells]
    used = [NONCE.findall(policy)[0] for policy in policies if not policy.startswith("sandbox;")]  # files run nothing
    used += [headers.new_nonce() for _ in range(max(0, 10_000 - len(used)))]
    assert [nonce for nonce, times in Counter(used).items() if times > 1] == []
    assert len(set(used)) >= 10_000
    ids = [header(cell, "x-request-id") for cell in matrix.cells]
    assert len(set(ids)) == len(ids)
    catalogue.figure("D8", f"{len(matrix.cells)} answers, {len(set(used))} nonces, none twice")


def test_nothing_personal_is_stored(matrix: Matrix) -> None:
    """Whatever somebody who is signed in gets, and everything under /api, errors too."""
    wrong = []
    for cell in matrix.cells:
        caching = header(cell, "cache-control")
        personal = cell.is_signed_in or cell.row.path.startswith(("/api/", "/fhir/", "/live"))
        if not caching or (personal and not KEPT.match(cell.row.path) and caching != "no-store"):
            wrong.append(f"{cell}: {caching}")
    assert not wrong, wrong[:20]
    assert sum(cell.is_signed_in for cell in matrix.cells) > 1000


def test_cookies_are_for_this_host_and_not_for_scripts(matrix: Matrix) -> None:
    wrong, names = [], Counter[str]()
    for cell in matrix.cells:
        for text in (value for key, value in cell.headers if key == "set-cookie"):
            for name, cookie in SimpleCookie(text).items():
                names[name] += 1
                flags = cookie["secure"] and cookie["httponly"] and cookie["samesite"].lower() in ("lax", "strict")
                if not flags or cookie["path"] != "/" or cookie["domain"]:
                    wrong.append(f"{cell}: {text}")
    assert not wrong, wrong[:20]
    assert names.keys() >= LOGIN_COOKIES, "the cookies that say who someone is are bound to the host"
    assert not {name for name in names if "login" in name or "visitor" in name} - LOGIN_COOKIES


def test_addresses_to_go_to_are_our_own(matrix: Matrix) -> None:
    places = {header(cell, name) for cell in matrix.cells for name in ("location", "hx-redirect", "hx-location")}
    wrong = [place for place in places if place and not re.match(r"^/(?![/\\])", place)]
    assert not wrong
    assert places - {""}


def test_errors_of_the_api_are_problems(matrix: Matrix) -> None:
    wrong = [
        f"{cell}: {header(cell, 'content-type')}"
        for cell in matrix.cells
        if cell.row.is_api and cell.status >= 400 and header(cell, "content-type") != "application/problem+json"
    ]
    assert not wrong, wrong[:20]
    bare = [
        str(cell)
        for cell in matrix.cells
        if cell.row.is_api and cell.status == 401 and not header(cell, "www-authenticate")
    ]
    assert not bare, bare[:20]
