"""Two browsers, one visit: what one writes the other sees, also after a lost network, also without JavaScript."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import Stage
from tests.browser.test_hostile_texts import ALIVE, WATCH
from tests.payloads import MARK, PAYLOADS

VISITS = """
SELECT a.id, p.email AS patient, d.email AS doctor FROM appointment a JOIN account p ON p.id = a.patient_id
JOIN account d ON d.id = a.doctor_id
WHERE a.status = 'BOOKED' AND NOT EXISTS (SELECT FROM conversation c WHERE c.appointment_id = a.id)
ORDER BY a.starts_at DESC LIMIT 1
"""
SEND = "[data-chat-form] button.button"
TEAL = b"%PDF-1.7\n%%EOF\n"


@dataclass
class Two:
    """The patient and the doctor of a visit, each in a browser of their own, on its conversation."""

    here: str
    names: tuple[str, str]
    patient: Page
    doctor: Page

    def say(self, who: Page, words: str) -> None:
        who.fill("#chat-body", words)
        who.click(SEND)

    def hears(self, who: Page, words: str) -> None:
        expect(who.locator("li.message[data-number] .message-body", has_text=words)).to_have_count(1, timeout=15_000)


def visit(stage: Stage) -> tuple[str, str, str]:
    [row] = stage.ask(VISITS)
    return f"/appointments/{row['id']}", row["patient"], row["doctor"]


@pytest.fixture
def two(stage: Stage, guests: Guests) -> Iterator[Two]:
    for words in ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "status of 415"):  # which these tests bring about
        guests.expect(words)
    at, *names = visit(stage)
    both = Two(f"{at}/chat", (names[0], names[1]), guests.open(names[0]), guests.open(names[1]))
    both.patient.goto(both.here)
    both.doctor.goto(at)  # where the panel is part of the visit's page
    for page in (both.patient, both.doctor):
        page.locator("html[data-live=on]").wait_for()
        page.locator("[data-chat][data-begun]").wait_for(state="attached")
    yield both


def test_a_conversation_is_live(two: Two) -> None:
    two.patient.wait_for_timeout(1000)  # what a stream tells in its first second may be from before
    two.patient.fill("#chat-body", "Shall I come without breakfast?")
    expect(two.doctor.locator("[data-typing]")).to_be_visible()
    expect(two.patient.locator("[data-typing]")).to_be_hidden()
    two.patient.click(SEND)
    two.hears(two.doctor, "Shall I come without breakfast?")
    expect(two.doctor.locator("[data-typing]")).to_be_hidden()
    expect(two.patient.locator("[data-own][data-seen] [data-mark]")).to_have_text("Read")
    two.doctor.fill("#chat-body", "Yes.")
    two.doctor.press("#chat-body", "Enter")
    two.hears(two.patient, "Yes.")
    two.patient.set_input_files("#chat-file", {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": TEAL})
    link = two.doctor.locator(".chat-file")
    expect(link).to_contain_text("letter.pdf")
    with two.doctor.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "letter.pdf" and download.value.path().read_bytes() == TEAL
    two.patient.set_input_files("#chat-file", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"<svg/>"})
    expect(two.patient.locator("[data-chat-form] .field-error")).to_contain_text("PDF, or a picture")
    two.say(two.patient, "Then without a file.")
    two.hears(two.doctor, "Then without a file.")


def test_what_is_written_offline_goes_out_by_itself(two: Two) -> None:
    two.patient.context.set_offline(True)
    two.say(two.patient, "first, from the tunnel")
    two.say(two.patient, "second, from the tunnel")
    waiting = two.patient.locator("li[data-pending][data-unsent]")
    expect(waiting).to_have_count(2)
    expect(waiting.first).to_contain_text("Not yet sent")
    two.say(two.doctor, "said meanwhile")
    two.patient.context.set_offline(False)
    two.hears(two.doctor, "second, from the tunnel")
    two.hears(two.patient, "said meanwhile")
    expect(two.patient.locator("li[data-pending]")).to_have_count(0)
    assert two.patient.evaluate("localStorage.getItem('outbox')") is None
    said = two.doctor.locator("li.message .message-body").all_inner_texts()
    assert [one for one in said if "tunnel" in one] == ["first, from the tunnel", "second, from the tunnel"]
    assert said == two.patient.locator("li.message .message-body").all_inner_texts()


def test_the_outbox_waits_for_its_account_and_goes_with_the_logout(two: Two) -> None:
    page = two.patient
    page.context.route("**/chat", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    two.say(page, "kept while the server is away")
    expect(page.locator("li[data-unsent]")).to_have_count(1)
    page.reload()
    expect(page.locator("li[data-unsent]")).to_contain_text("kept while the server is away")
    page.evaluate(
        "localStorage.setItem('outbox', localStorage.getItem('outbox').replace(/\"account\":\"./, '\"account\":\"f'))"
    )
    page.reload()
    page.locator("[data-chat][data-begun]").wait_for(state="attached")
    assert page.evaluate("localStorage.getItem('outbox')") is None, "what somebody else had not sent yet is not kept"
    two.say(page, "kept again")
    expect(page.locator("li[data-unsent]")).to_have_count(1)
    page.evaluate("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
    page.wait_for_url(lambda address: "/chat" not in address)
    assert page.evaluate("localStorage.getItem('outbox')") is None
    expect(two.doctor.locator("li.message")).to_have_count(0)


@pytest.mark.D9
def test_hostile_words_are_only_words(two: Two) -> None:
    """Every payload as a message and as the name of a file: shown as it was typed, nothing of it lives."""
    chosen = [text for text in PAYLOADS if text.strip()][::6]
    for page in (two.patient, two.doctor):
        page.context.add_init_script(WATCH)
        page.evaluate(f"() => {{ {WATCH} }}")
    for number, text in enumerate(chosen):
        two.say(two.patient, f"{number} {text}")
        two.patient.locator(f"#m-{number + 1}").wait_for()
    name = "".join(chosen)[:100].replace("/", "") + ".pdf"
    two.patient.set_input_files("#chat-file", {"name": name, "mimeType": "application/pdf", "buffer": TEAL})
    expect(two.doctor.locator(".chat-file")).to_have_count(1)
    for page in (two.patient, two.doctor):
        shown = page.locator("li.message[data-number] .message-body")
        expect(shown).to_have_count(len(chosen))
        assert shown.locator("*").count() == 0
        found = page.evaluate(ALIVE, MARK)
        page.reload()
        expect(page.locator("li.message[data-number]")).to_have_count(len(chosen) + 1)
        found += page.evaluate(ALIVE, MARK)
        page.goto(two.here.replace("/chat", "/files"))
        expect(page.locator(".chat-file")).to_have_count(1)
        assert found + page.evaluate(ALIVE, MARK) == []


def test_without_javascript(stage: Stage, guests: Guests) -> None:
    at, patient, doctor = visit(stage)
    mine, other = guests.open(patient, java_script_enabled=False), guests.open(doctor, java_script_enabled=False)
    mine.goto(at)
    mine.get_by_role("link", name="Messages").first.click()
    mine.fill("[name=body]", "Without any script")
    mine.click(SEND)
    expect(mine.locator(".message-body")).to_have_text("Without any script")
    other.goto(f"{at}/chat")
    expect(other.locator(".message-body")).to_have_text("Without any script")
    other.get_by_role("button", name="Mark as read").click()
    expect(other.get_by_role("button", name="Mark as read")).to_have_count(0)
    other.set_input_files("[name=file]", {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": TEAL})
    other.click(SEND)
    expect(other.locator(".chat-file")).to_contain_text("plan.pdf")
    mine.reload()
    expect(mine.locator("[data-own]")).to_contain_text("Read")
    expect(mine.locator(".chat-file")).to_contain_text("plan.pdf")
