"""Every screen of every role, once: what `make screens` photographs, and what the tests measure and examine.

`test_screens.py` compares this list with the portal's routes, so that no screen can be forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.stage import WAITING, Stage

VISITOR = ""
PATIENT = "patient@example.com"
DOCTOR = "doctor@example.com"
CLINIC = "clinic@example.com"
PHARMACY = "pharmacy@example.com"
ADMIN = "admin@example.com"
NAMES = {
    VISITOR: "visitor", PATIENT: "patient", DOCTOR: "doctor", CLINIC: "clinic", PHARMACY: "pharmacy", ADMIN: "admin",
    WAITING: "waiting",
}  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """One picture: whose, its address (with names of `places` in braces), and what is done there first."""

    who: str
    path: str
    step: Callable[[Page], None] | None = None
    name: str = ""
    status: int = 200

    @property
    def title(self) -> str:
        words = self.name or self.path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "front"
        return f"{NAMES[self.who]}-{words.replace('?', '-').replace('=', '-').replace('&', '-')}"


def submit(page: Page) -> None:
    """The main form as it stands, which shows its errors."""
    page.locator("main form[method=post] button:not([type=button])").last.click()
    page.locator(".error-summary").wait_for()


def open_menu(page: Page) -> None:
    page.locator("details[data-menu] summary").last.click()


SCREENS = [
    Screen(VISITOR, "/login"),
    Screen(VISITOR, "/login", submit, "login-errors"),
    Screen(VISITOR, "/login", open_menu, "menu"),
    Screen(VISITOR, "/register"),
    Screen(VISITOR, "/register/patient"),
    Screen(VISITOR, "/register/patient", submit, "register-patient-errors"),
    Screen(VISITOR, "/register/doctor"),
    Screen(VISITOR, "/register/clinic"),
    Screen(VISITOR, "/register/pharmacy"),
    Screen(VISITOR, "/forgotten-password"),
    Screen(VISITOR, "/reset-password/unknown", status=404),
    Screen(VISITOR, "/demo/outbox"),
    Screen(VISITOR, "/no-such-page", status=404),
    Screen(VISITOR, "/doctors/{doctor}"),
    Screen(WAITING, "/waiting"),
    Screen(PATIENT, "/settings"),
    Screen(PATIENT, "/settings/details"),
    Screen(PATIENT, "/settings/password"),
    Screen(PATIENT, "/settings/logins"),
    Screen(PATIENT, "/settings", open_menu, "menu"),
    Screen(PATIENT, "/admin", name="forbidden", status=403),
    Screen(PATIENT, "/doctors/{doctor}"),
    Screen(PATIENT, "/slots/{slot}/hold"),
    Screen(DOCTOR, "/settings"),
    Screen(CLINIC, "/settings"),
    Screen(CLINIC, "/specialties"),
    Screen(CLINIC, "/specialties/{specialty}"),
    Screen(ADMIN, "/admin"),
    Screen(ADMIN, "/admin/verification"),
    Screen(ADMIN, "/admin/users"),
    Screen(ADMIN, "/admin/users/{user}/suspend"),
    Screen(ADMIN, "/admin/audit"),
    Screen(ADMIN, "/admin/audit/verify"),
]

PLACES = """
SELECT
    (SELECT account_id FROM doctor JOIN account a ON a.id = account_id WHERE a.email = 'doctor@example.com') AS doctor,
    (SELECT id FROM account WHERE email = 'patient7@example.com') AS user,
    (SELECT id FROM specialty WHERE name = 'Cardiology') AS specialty,
    (SELECT clinic_id FROM clinic_admin LIMIT 1) AS clinic,
    (SELECT s.id FROM slot s JOIN account a ON a.id = s.doctor_id WHERE a.email = 'doctor@example.com' AND NOT s.overflow
        AND s.appointment_id IS NULL AND s.starts_at > now() + interval '9 days' ORDER BY s.starts_at LIMIT 1) AS slot
"""


def places(stage: Stage) -> dict[str, str]:
    """What stands for the names in the addresses."""
    return {name: str(value) for name, value in dict(stage.ask(PLACES)[0]).items()}
