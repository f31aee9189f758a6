"""Where the browser tests and `make screens` play: the portal with its invented people, and a Chromium."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from portal.embedded import EmbeddedPostgres
from tests.portal_server import served
from tests.services import browser_program

PASSWORD = "portal-demo"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
# A camera, a microphone and a screen that show and sound like something, which every page may use.
INVENTED = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
WAITING = "waiting@example.com"  # a doctor whom nobody has verified yet


@dataclass
class Stage:
    """A served portal with demo data, and its database for what no page tells."""

    url: str
    database_url: str

    def ask(self, sql: str, *args: Any) -> list[Any]:
        """Rows of the portal's own database; in a thread, since the browser's driver has a loop in this one."""

        async def rows() -> list[Any]:
            connection = await asyncpg.connect(self.database_url)
            try:
                return list(await connection.fetch(sql, *args))
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, rows()).result()


@contextmanager
def portal_stage(**environment: str) -> Iterator[Stage]:
    """`portal serve --demo` without request limits."""
    folder = Path(tempfile.mkdtemp(prefix="care-stage-"))
    try:
        with served("--demo", data=folder, PORTAL_RATE_LIMIT="0", **environment) as portal:
            database = EmbeddedPostgres(folder / "postgres")
            try:
                add_waiting_doctor(portal.url)
                yield Stage(portal.url, database.url)
            finally:
                database.stop()
                portal.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def add_waiting_doctor(url: str) -> None:
    names = {"first_name": "Amara", "last_name": "Okafor-Lindqvist", "title": "Dr.", "licence_number": "NG-40417"}
    account = {"email": WAITING, "password": PASSWORD, "role": "DOCTOR", **names}
    httpx.post(f"{url}/api/auth/register", json=account).raise_for_status()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program(), args=["--no-sandbox", *INVENTED])
        yield browser
        browser.close()


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the login form, by the keyboard, as a person would."""
    page.goto("/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda address: "/login" not in address)
