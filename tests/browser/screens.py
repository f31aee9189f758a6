"""Every screen of every role, once: what `make screens` photographs, and what the tests measure and examine.

`test_screens.py` compares this list with the portal's routes, so that no screen can be forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser import screens_prescriptions
from tests.browser.rooms import IN_ROOM, ROOM, wait_in_room
from tests.browser.screens_stock import SHELF, STOCK_OF_CLINIC, STOCK_OF_PHARMACY
from tests.browser.stage import WAITING, Stage
from tests.browser.steps import (
    call_for_help,
    change_language,
    clear_and_submit,
    clear_and_submit_dates,
    keep_and_look,
    leave_unchecked,
    make_link,
    open_menu,
    preview,
    show_keys,
    submit,
)
from tests.browser.troubles import BREAK, GIVEN, KEEP, QUEUE, TROUBLE, WAIT

VISITOR = ""
PATIENT = "patient@example.com"
DOCTOR = "doctor@example.com"
CLINIC = "clinic@example.com"
PHARMACY = "pharmacy@example.com"
ADMIN = "admin@example.com"
IN_QUEUE = "patient3@example.com"  # checked in for a session that is running
NAMES = {
    VISITOR: "visitor", PATIENT: "patient", DOCTOR: "doctor", CLINIC: "clinic", PHARMACY: "pharmacy", ADMIN: "admin",
    WAITING: "waiting", IN_QUEUE: "in-queue", IN_ROOM: "in-room",
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


SCREENS = [
    Screen(VISITOR, "/"),
    Screen(VISITOR, "/doctors"),
    Screen(VISITOR, "/doctors?q=zzzz", name="doctors-none"),
    Screen(VISITOR, "/doctors/{doctor}"),
    Screen(VISITOR, "/doctors/{doctor}?week={far}", name="doctor-later"),
    Screen(VISITOR, "/doctors/{doctor}?week={kept_day}", name="doctor-held"),
    Screen(VISITOR, "/clinics/{clinic}"),
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
    Screen(VISITOR, "/reset-password/unknown", status=409),
    Screen(VISITOR, "/demo/outbox"),
    Screen(VISITOR, "/offline"),
    Screen(VISITOR, "/wall/{wall}"),
    Screen(VISITOR, "/no-such-page", status=404),
    Screen(WAITING, "/waiting"),
    Screen(PATIENT, "/home"),
    Screen(PATIENT, "/appointments"),
    Screen(PATIENT, "/appointments?view=past"),
    Screen(PATIENT, "/appointments/{visit}"),
    Screen(PATIENT, "/appointments/{past_visit}", name="appointment-past"),
    Screen(PATIENT, "/appointments/{visit}/wait"),
    Screen(PATIENT, "/video/sessions/{filmed}/recording", name="recording"),
    Screen(PATIENT, "/appointments/{visit}/chat"),
    Screen(PATIENT, "/appointments/{past_visit}/chat", name="chat-closed"),
    Screen(PATIENT, "/appointments/{visit}/files"),
    Screen(IN_QUEUE, "/home"),
    Screen(IN_QUEUE, "/appointments/{queued}"),
    Screen(IN_QUEUE, "/appointments/{queued}/wait"),
    *(Screen(IN_ROOM, "/video/sessions/{room}", *step) for step in ((None, "room"), (wait_in_room, "room-waiting"))),
    Screen(DOCTOR, "/video/sessions/{room}/end", name="room-end"),
    Screen(DOCTOR, "/video/sessions/{closed_room}", name="room-closed"),
    Screen(PATIENT, "/appointments/{visit}/cancel"),
    Screen(PATIENT, "/appointments/{visit}/cancel", submit, "cancel-errors"),
    Screen(PATIENT, "/appointments/{visit}/reschedule"),
    Screen(PATIENT, "/appointments/{broken}/repair"),
    *(Screen(who, path, name=name) for who, path, name in screens_prescriptions.LISTED),
    Screen(PATIENT, "/doctors/{doctor}"),
    Screen(PATIENT, "/doctors/{doctor}?week={far}", keep_and_look, "doctor-own-hold"),
    Screen(PATIENT, "/slots/{slot}/hold"),
    Screen(PATIENT, "/slots/{slot}/book"),
    Screen(PATIENT, "/slots/{slot}/book", submit, "book-errors"),
    Screen(PATIENT, "/slots/{kept}/book", name="book-kept"),
    Screen(PATIENT, "/slots/{taken}/book", name="book-taken"),
    Screen(PATIENT, "/sessions/{session}/join?date={far}"),
    Screen(PATIENT, "/first-available"),
    Screen(PATIENT, "/waitlist"),
    Screen(PATIENT, "/waitlist/new?doctor_id={doctor}"),
    Screen(PATIENT, "/waitlist/new?doctor_id={doctor}", clear_and_submit_dates, "waitlist-errors"),
    Screen(PATIENT, "/waitlist/offers/{offer}"),
    Screen(PATIENT, "/emergencies"),
    Screen(PATIENT, "/emergencies", call_for_help, "emergency-called"),
    Screen(PATIENT, "/record"),
    Screen(PATIENT, "/record/history"),
    Screen(PATIENT, "/record/allergies/new"),
    Screen(PATIENT, "/record/conditions/new"),
    Screen(PATIENT, "/record/emergency-contacts/new"),
    Screen(PATIENT, "/record/emergency-contacts/new", submit, "contact-errors"),
    Screen(PATIENT, "/record/access"),
    Screen(PATIENT, "/notifications"),
    Screen(PATIENT, "/settings"),
    Screen(PATIENT, "/settings/details"),
    Screen(PATIENT, "/settings/details", change_language, "details-stored"),
    Screen(PATIENT, "/settings/password"),
    Screen(PATIENT, "/settings/logins"),
    Screen(PATIENT, "/settings", open_menu, "menu"),
    Screen(PATIENT, "/admin", name="forbidden", status=403),
    Screen(DOCTOR, "/today"),
    Screen(DOCTOR, "/today", show_keys, "today-keys"),
    Screen(DOCTOR, "/today?date=2030-01-01", name="today-empty"),
    Screen(DOCTOR, "/walk-in?session_id={session}"),
    Screen(DOCTOR, "/appointments"),
    Screen(DOCTOR, "/appointments/{visit}"),
    Screen(DOCTOR, "/appointments/{visit}/visit", name="visit-to-come"),
    Screen(DOCTOR, "/appointments/{seen_visit}/visit", name="visit-over"),
    Screen(DOCTOR, "/appointments/{seen_visit}/visit/history", name="visit-versions"),
    Screen(DOCTOR, "/video/sessions/{filmed}/recording", name="recording"),
    Screen(DOCTOR, "/appointments/{visit}/chat"),
    Screen(DOCTOR, "/patients/{patient}"),
    Screen(DOCTOR, "/appointments/{seen_visit}/refer"),
    Screen(DOCTOR, "/appointments/{seen_visit}/refer?specialty_id={specialty}", name="refer-doctors"),
    Screen(
        DOCTOR, "/appointments/{seen_visit}/refer?specialty_id={specialty}&doctor_id={colleague}", name="refer-note"
    ),
    Screen(DOCTOR, "/appointments/{seen_visit}/follow-up?weeks=2", name="follow-up"),
    Screen(DOCTOR, "/book"),
    Screen(DOCTOR, "/schedule"),
    Screen(DOCTOR, "/schedule/sessions/new"),
    Screen(DOCTOR, "/schedule/sessions/new", clear_and_submit, "session-errors"),
    Screen(DOCTOR, "/schedule/sessions/{session}"),
    Screen(DOCTOR, "/schedule/sessions/{session}", preview, "session-preview"),
    Screen(DOCTOR, "/schedule/sessions/{session}/end"),
    Screen(DOCTOR, "/schedule/sessions/{session}/exceptions/new"),
    Screen(DOCTOR, "/schedule/sessions/{session}/exceptions/new?on={far}", preview, "exception-preview"),
    Screen(DOCTOR, "/attention"),
    Screen(DOCTOR, "/sessions/{session}/repair?date={far}"),
    Screen(DOCTOR, "/schedule/leave"),
    Screen(DOCTOR, "/schedule/leave?on={far}", preview, "leave-preview"),
    Screen(DOCTOR, "/schedule/times"),
    Screen(DOCTOR, "/schedule/times/new"),
    Screen(DOCTOR, "/emergencies"),
    Screen(DOCTOR, "/settings"),
    Screen(DOCTOR, "/settings/practice"),
    Screen(CLINIC, "/clinic"),
    Screen(CLINIC, "/attention"),
    Screen(CLINIC, "/attention/all?kind=ALTERNATIVE", name="attention-preview"),
    Screen(CLINIC, "/clinic/doctors"),
    Screen(CLINIC, "/clinic/appointments"),
    Screen(CLINIC, "/clinic/desk"),
    Screen(CLINIC, "/clinic/desk?q=ma", name="desk-found"),
    Screen(CLINIC, "/walk-in?q=ma"),
    Screen(CLINIC, "/walk-in", submit, "walk-in-errors"),
    Screen(CLINIC, "/clinic/walls"),
    Screen(CLINIC, "/clinic/walls", make_link, "walls-made"),
    Screen(CLINIC, "/book?q=patient@example.com", name="book-who"),
    Screen(CLINIC, "/book?q=patient@example.com&patient_id={patient}&doctor_id={doctor}", name="book-when"),
    Screen(CLINIC, "/clinic/settings"),
    Screen(CLINIC, "/clinic/new"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/sessions/new"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/sessions/{session}"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/sessions/{session}/end"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/sessions/{session}/exceptions/new"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/leave"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/times"),
    Screen(CLINIC, "/clinic/doctors/{doctor}/schedule/times/new"),
    Screen(CLINIC, "/specialties"),
    Screen(CLINIC, "/specialties/{specialty}"),
    Screen(CLINIC, "/appointments/{visit}"),
    Screen(CLINIC, "/settings"),
    Screen(PHARMACY, "/counter"),
    Screen(PHARMACY, "/counter?q=zzzz", name="counter-none"),
    Screen(PHARMACY, "/counter?q={unsent}", name="counter-open"),
    Screen(PHARMACY, "/counter/{paper}"),
    Screen(PHARMACY, "/counter/{paper}", leave_unchecked, "counter-errors"),
    Screen(PHARMACY, "/counter/dispenses"),
    Screen(PHARMACY, "/counter/dispenses/{dispense}"),
    Screen(PHARMACY, "/counter/dispenses/{dispense}/labels"),
    Screen(PHARMACY, "/counter/dispenses/{dispense}/receipt"),
    Screen(PHARMACY, "/counter/batches/{given_batch}"),
    Screen(PATIENT, "/prescriptions/{own_paper}/fills"),
    Screen(PHARMACY, "/pharmacy"),
    Screen(PHARMACY, "/pharmacy/new"),
    Screen(PHARMACY, "/pharmacy/settings"),
    Screen(PHARMACY, "/settings"),
    Screen(ADMIN, "/admin"),
    Screen(ADMIN, "/admin/verification"),
    Screen(ADMIN, "/admin/users"),
    Screen(ADMIN, "/admin/users/{user}/suspend"),
    Screen(ADMIN, "/admin/audit"),
    Screen(ADMIN, "/admin/audit/verify"),
    Screen(ADMIN, "/admin/health"),
    *(Screen(PHARMACY, *one) for one in STOCK_OF_PHARMACY),
    *(Screen(CLINIC, *one) for one in STOCK_OF_CLINIC),
]

NO_SCREEN = (  # machines read these, or they are files
    "/api", "/schema", "/health", "/metrics", "/.well-known", "/static", "/live", "/sw.js",
    "/appointments/{appointment_id}/calendar.ics", "/appointments/{appointment_id}/chat/news",
    "/appointments/{appointment_id}/files/{file_id}", "/emergencies/alarm", "/emergencies/{emergency_id}", "/availability",
    "/video/rejoin", "/video/sessions/{session_id}/room", "/video/sessions/{session_id}/signals",
    "/video/sessions/{session_id}/recording/",
    "/stock/export.csv", "/stock/movements.csv",
)  # fmt: skip

DOCTORS_SLOTS = (
    "FROM slot s JOIN account a ON a.id = s.doctor_id AND a.email = 'doctor@example.com' WHERE NOT s.overflow"
)
VISITS = "FROM appointment v JOIN account a ON a.id = v.patient_id AND a.email = 'patient@example.com'"
PLACES = f"""
SELECT
    (SELECT id FROM account WHERE email = 'doctor@example.com') AS doctor,
    (SELECT id FROM account WHERE email = 'patient@example.com') AS patient,
    (SELECT r.id FROM prescription r JOIN pharmacist f ON f.pharmacy_id = r.pharmacy_id
        JOIN account a ON a.id = f.account_id AND a.email = 'pharmacy@example.com'
        WHERE r.status = 'ACTIVE' ORDER BY r.sent_at LIMIT 1) AS paper,
    (SELECT r.code FROM prescription r WHERE r.pharmacy_id IS NULL AND r.status = 'ACTIVE' ORDER BY r.id LIMIT 1) AS unsent,
    (SELECT id FROM account WHERE email = 'patient7@example.com') AS user,
    (SELECT id FROM specialty WHERE name = 'Cardiology') AS specialty,
    (SELECT clinic_id FROM clinic_admin LIMIT 1) AS clinic,
    {SHELF}
    (SELECT s.id {DOCTORS_SLOTS} AND s.appointment_id IS NULL AND s.date > now() + interval '30 days'
        ORDER BY s.starts_at LIMIT 1) AS slot,
    (SELECT s.id {DOCTORS_SLOTS} AND s.appointment_id IS NULL AND s.date > now() + interval '40 days'
        ORDER BY s.starts_at LIMIT 1) AS kept,
    (SELECT s.id {DOCTORS_SLOTS} AND s.appointment_id IS NULL AND s.date > now() + interval '46 days'
        ORDER BY s.starts_at LIMIT 1) AS offered,
    (SELECT s.date {DOCTORS_SLOTS} AND s.appointment_id IS NULL AND s.date > now() + interval '40 days'
        ORDER BY s.starts_at LIMIT 1) AS kept_day,
    (SELECT s.id {DOCTORS_SLOTS} AND s.appointment_id IS NOT NULL AND s.date > now() + interval '2 days'
        ORDER BY s.starts_at LIMIT 1) AS taken,
    (SELECT s.session_id {DOCTORS_SLOTS} AND s.date = current_date + 20 ORDER BY s.starts_at LIMIT 1) AS session,
    (current_date + 20)::text AS far,
    (SELECT w.id FROM video_session w JOIN account a ON a.id = w.patient_id AND a.email = 'patient@example.com'
        WHERE w.doctor_id = d.id ORDER BY w.scheduled_start_time LIMIT 1) AS filmed,
    (SELECT v.id {VISITS} WHERE v.doctor_id = d.id AND v.status = 'BOOKED' ORDER BY v.starts_at LIMIT 1) AS visit,
    (SELECT v.date {VISITS} WHERE v.doctor_id = d.id AND v.status = 'BOOKED' ORDER BY v.starts_at LIMIT 1) AS visit_day,
    (SELECT v.id {VISITS} WHERE v.status = 'COMPLETED' ORDER BY v.starts_at LIMIT 1) AS past_visit,
    (SELECT id FROM appointment WHERE doctor_id = d.id AND status = 'COMPLETED' ORDER BY starts_at DESC LIMIT 1) AS seen_visit,
    (SELECT o.account_id FROM doctor o JOIN specialty s ON s.id = o.specialty_id AND s.name = 'Cardiology'
        WHERE o.account_id <> d.id ORDER BY o.account_id LIMIT 1) AS colleague
FROM account d WHERE d.email = 'doctor@example.com'
"""


def places(stage: Stage) -> dict[str, str]:
    """What stands for the names in the addresses; times are kept for the patient, and not all is well."""
    stage.ask(TROUBLE)
    found = dict(stage.ask(PLACES)[0]) | dict(stage.ask(BREAK)[0]) | dict(stage.ask(QUEUE, IN_QUEUE)[0])
    found |= dict(stage.ask(ROOM, IN_ROOM)[0])
    stage.ask(KEEP, found["kept"], found["patient"])
    stage.ask(KEEP, found["offered"], found["patient"])
    found |= dict(stage.ask(screens_prescriptions.PRESCRIBED)[0])
    found["offer"] = stage.ask(WAIT, found["offered"], found["patient"])[0]["id"]
    found |= dict(stage.ask(GIVEN)[0])
    return {name: str(value) for name, value in found.items()}


def arrive(page: Page, screen: Screen, where: dict[str, str]) -> None:
    """Open the screen and do its step. Raises AssertionError when the portal answers something else."""
    answer = page.goto(screen.path.format_map(where))
    assert answer is not None and answer.status == screen.status, f"{screen.title}: {answer and answer.status}"
    if screen.step:
        screen.step(page)
