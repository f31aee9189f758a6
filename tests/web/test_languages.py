"""Four languages: complete catalogues, the right one for each visitor, and pages that say which they speak."""

import importlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from litestar import Litestar

from portal.app import create_app
from portal.settings import Settings
from portal.web import i18n
from tests.clients import a_client

pytestmark = pytest.mark.anyio

TOOLS = Path(__file__).parents[2] / "tools"
TRANSLATED = [code for code in i18n.LANGUAGES if code != i18n.DEFAULT_LANGUAGE]
LOG_IN = {"en": "Log in", "es": "Iniciar sesión", "hi": "लॉग इन करें", "ar": "تسجيل الدخول"}


def tool(name: str) -> ModuleType:
    """A module of `tools/`, which imports its neighbours as scripts do."""
    if str(TOOLS) not in sys.path:
        sys.path.append(str(TOOLS))
    return importlib.import_module(name)


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The product's own pages, in place of the example of this folder."""
    application = create_app(settings)
    async with application.lifespan():
        yield application


def test_every_text_is_translated() -> None:
    checks = tool("check_translations")
    texts = checks.collect()
    assert len(texts) > 500
    assert [fault for language in TRANSLATED for fault in checks.check(texts, language)] == []
    assert list(checks.LANGUAGES) == TRANSLATED


def test_the_check_sees_what_breaks_a_page() -> None:
    shape = tool("check_translations").same_shape
    assert shape("%(num)s of 5", "5 में से %(num)s")
    assert not shape("Close", 'das "X"')
    assert not shape("Close", "<b>Cerrar</b>")
    assert not shape("All", "100 %")
    assert not shape(" or ", "o")


@pytest.mark.parametrize("code", TRANSLATED)
def test_writing_again_changes_nothing(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogues = tool("i18n")
    catalogue, written = catalogues.load(code), catalogues.path_of(code).read_bytes()
    monkeypatch.setattr(catalogues, "CATALOGUES", tmp_path)
    catalogues.save(code, catalogue)
    assert catalogues.path_of(code).read_bytes() == written


def test_each_language_has_a_name_and_a_direction() -> None:
    assert [i18n.direction(code) for code in ("en", "es", "hi", "ar")] == ["ltr", "ltr", "ltr", "rtl"]
    assert all(i18n.LANGUAGES.values())
    assert len(set(i18n.LANGUAGES.values())) == len(i18n.LANGUAGES)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "لا مواعيد"),
        (1, "موعد واحد"),
        (2, "موعدان"),
        (3, "3 مواعيد"),
        (11, "11 موعدًا"),
        (100, "100 موعد"),
        (103, "103 مواعيد"),
    ],
)
def test_arabic_counts_in_six_forms(number: int, shown: str) -> None:
    with i18n.speaking("ar"):
        assert i18n.ngettext("%(num)s visit", "%(num)s visits", number, num=number) == shown


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("*", "en"),
        ("ar", "ar"),
        ("ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        ("hi-IN", "hi"),
        ("ES-mx", "es"),
        ("de-DE,de;q=0.9", "en"),
        ("de, es;q=0.5, hi;q=0.7", "hi"),
        ("es ; q=0.5, hi ;Q=0.7", "hi"),
        ("es,hi", "es"),
        ("es;q=0, hi;q=0.1", "hi"),
        ("es;q=0", "en"),
        ("es;q=much, hi;q=0.1", "hi"),
        ("es;q=nan", "en"),
        (",;q=,=", "en"),
        ("de," * 100 + "hi", "en"),
    ],
)
def test_the_best_language_for_a_browser(header: str, code: str) -> None:
    assert i18n.best_language(header) == code


@pytest.mark.parametrize("code", i18n.LANGUAGES)
async def test_a_page_says_its_language_and_direction(app: Litestar, code: str) -> None:
    async with a_client(app) as browser:
        shown = (await browser.get("/login", headers={"Accept-Language": f"{code}-XX, de;q=0.5"})).text
    assert f'<html lang="{code}" dir="{i18n.direction(code)}"' in shown
    assert f"<h1>{LOG_IN[code]}</h1>" in shown
