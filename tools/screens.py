"""Every screen of every role as a picture: phone and desktop, light and dark, the patient's also in Arabic.

`make screens` writes them to `var/screens/` with an index page to look through.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.portal_server import ROOT, served
from tests.services import program

FOLDER = ROOT / "var" / "screens"
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1440, "height": 900}}
PASSWORD = "portal-demo"


@dataclass(frozen=True)
class Role:
    """Whose screens: the demo account, where to go, and links to follow from a page (`selector` of the first one)."""

    email: str | None
    paths: tuple[str, ...]
    follow: tuple[tuple[str, str, str], ...] = ()  # name, page, selector of a link


ROLES = {
    "visitor": Role(
        None,
        ("/", "/doctors", "/doctors?q=zzzz", "/login", "/register", "/register/patient", "/register/doctor",
         "/forgotten-password", "/no-such-page"),
        (("doctor", "/doctors", "a[href^='/doctors/']"), ("clinic", "/doctors", "a[href^='/clinics/']")),
    ),
    "patient": Role(
        "patient@example.com",
        ("/home", "/appointments", "/record", "/record/access", "/settings"),
        (("doctor", "/doctors", "a[href^='/doctors/']"), ("appointment", "/appointments", "a[href^='/appointments/']")),
    ),
    "doctor": Role("doctor@example.com", ("/today", "/schedule", "/settings")),
    "clinic": Role("clinic@example.com", ("/clinic", "/clinic/doctors", "/clinic/appointments", "/clinic/settings")),
    "pharmacy": Role("pharmacy@example.com", ("/pharmacy",)),
    "admin": Role("admin@example.com", ("/admin", "/admin/verification", "/admin/users", "/admin/audit", "/admin/health")),
}  # fmt: skip


def signed_in(browser: Browser, url: str, role: Role, size: str, scheme: str, language: str) -> BrowserContext:
    context = browser.new_context(
        base_url=url, viewport=SIZES[size], color_scheme=scheme, locale=language, device_scale_factor=1
    )
    if role.email:
        page = context.new_page()
        page.goto("/login")
        page.fill("[name=email]", role.email)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
        page.close()
    return context


def shoot(page: Page, name: str) -> str:
    page.wait_for_load_state("load")
    page.wait_for_timeout(150)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path.name


def name_of(path: str) -> str:
    return path.strip("/").replace("/", "-").replace("?", "-").replace("=", "-") or "front"


def shoot_role(context: BrowserContext, role: Role, prefix: str) -> list[str]:
    page = context.new_page()
    pictures = []
    for path in role.paths:
        page.goto(path)
        pictures.append(shoot(page, f"{prefix}-{name_of(path)}"))
    for name, start, selector in role.follow:
        page.goto(start)
        link = page.locator(f"main {selector}").first
        if link.count():
            page.goto(link.get_attribute("href") or start)
            pictures.append(shoot(page, f"{prefix}-{name}"))
    return pictures


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    variants = [(size, scheme, "en") for size in SIZES for scheme in ("light", "dark")] + [("phone", "light", "ar")]
    pictures: dict[str, list[str]] = {}
    with served("--demo", PORTAL_RATE_LIMIT="0") as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        for who, role in ROLES.items():
            for size, scheme, language in variants:
                context = signed_in(browser, portal.url, role, size, scheme, language)
                title = f"{who}, {size}, {scheme}, {language}"
                pictures[title] = shoot_role(context, role, f"{who}-{size}-{scheme}-{language}")
                context.close()
        browser.close()
    index = "".join(
        f"<h2>{title}</h2>" + "".join(f'<a href="{n}"><img src="{n}" alt="{n}" width="320"></a> ' for n in names)
        for title, names in pictures.items()
    )
    (FOLDER / "index.html").write_text(f"<!doctype html><meta charset=utf-8><title>Screens</title>{index}")
    print(f"{sum(map(len, pictures.values()))} pictures: {FOLDER / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
