"""The typeset page of a prescription: what was signed, in the patient's language and its direction, with code and QR.

Fonts are shipped in `static/fonts` (Noto, SIL Open Font License); a script that none of them has is printed as boxes, and
the code leads to the page that shows it.

Imported by whoever prints, when they print: the PDF library takes 20 MB and a moment to load.
"""

import logging
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from portal.prescriptions.numbers import code_bars, shown_code
from portal.prescriptions.schemas import DoseUnit, Frequency
from portal.prescriptions.words import amount_words, directions_of
from portal.web.i18n import RIGHT_TO_LEFT, _, language, ngettext, speaking
from portal.web.render import STATIC, format_date, format_datetime, format_number

logging.getLogger("fpdf").setLevel(logging.ERROR)  # it tells of every sign that a font does not have
logging.getLogger("fontTools").setLevel(logging.ERROR)

MARGIN, WIDTH, BOTTOM, QR_SIZE, ITEM_HEIGHT = 18.0, 174.0, 24.0, 46.0, 32.0  # millimetres on A4
INK, QUIET, PINE, LINE = (22, 34, 36), (86, 98, 99), (23, 92, 69), (208, 204, 194)
FONTS = {"text": "NotoSans", "arabic": "NotoNaskhArabic", "devanagari": "NotoSansDevanagari"}


class ContentItem(msgspec.Struct, frozen=True):
    """One item of a signed content."""

    id: UUID
    catalog_item_id: UUID | None
    drug_name: str
    active_ingredient: str
    strength: str
    form: str
    dose: Decimal
    dose_unit: DoseUnit
    frequency: Frequency
    duration_days: int
    quantity: Decimal
    unit: str
    instructions: str
    refills_allowed: int


class Content(msgspec.Struct, frozen=True):
    """A signed content, as far as it is printed."""

    code: str
    issued_at: datetime
    valid_until: datetime
    doctor_name: str
    doctor_licence: str
    patient_name: str
    date_of_birth: date | None
    clinic_name: str
    clinic_address: str
    clinic_phone: str
    notes: str
    items: list[ContentItem]


def typeset(signed: str, link: str, locale: str, zone: str) -> bytes:
    """The page of a signed content as PDF. Takes a tenth of a second of computing: not for the event loop."""
    content = msgspec.json.decode(signed, type=Content)
    with speaking(locale):
        paper = Paper(content, zone)
        paper.head()
        paper.parties()
        for number, item in enumerate(content.items, 1):
            paper.item(number, item)
        paper.notes()
        paper.proof(link)
        return bytes(paper.output())


class Paper(FPDF):
    """One prescription being written from top to bottom; `start` is the side on which its language begins."""

    def __init__(self, content: Content, zone: str) -> None:
        super().__init__("portrait", "mm", "A4")
        self.content, self.zone = content, zone
        self.rtl = language() in RIGHT_TO_LEFT
        self.start, self.end = ("R", "L") if self.rtl else ("L", "R")
        self.set_margins(MARGIN, 16, MARGIN)
        self.set_auto_page_break(True, BOTTOM)
        self.c_margin = 0  # texts begin where lines do
        for family, file in FONTS.items():
            self.add_font(family, "", STATIC / f"fonts/{file}-Regular.ttf")
            self.add_font(family, "B", STATIC / f"fonts/{file}-Bold.ttf")
        self.add_font("hebrew", "", STATIC / "fonts/NotoSansHebrew-Regular.ttf")
        self.set_fallback_fonts(["arabic", "devanagari", "hebrew"], exact_match=False)
        self.set_text_shaping(True)
        self.set_title(_("Prescription") + " " + shown_code(content.code))
        self.set_lang(language())
        self.set_creation_date(content.issued_at)
        self.set_creator("Care Portal")
        self.alias_nb_pages("{pages}")
        self.add_page()

    def _render_styled_text_line(self, *args: Any, **named: Any) -> Any:
        """Where a line takes letters from another font, fpdf2 forgets that the page itself knows nothing of the next one:
        so each line says its font anew."""
        self.current_font_is_set_on_page = False
        return super()._render_styled_text_line(*args, **named)

    def write_line(
        self, text: str, size: float = 10, style: str = "", *, indent: float = 0, gap: float = 0, tone: tuple[int, ...] = INK
    ) -> None:  # fmt: skip
        """A paragraph from the starting side, with `indent` from it."""
        self.set_font("text", style, size)
        self.set_text_color(*tone)
        self.set_x(MARGIN if self.rtl else MARGIN + indent)
        self.multi_cell(
            WIDTH - indent, size * 0.52, text, align=self.start, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )  # fmt: skip
        self.ln(gap)

    def rule(self, gap: float = 3) -> None:
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())
        self.ln(gap)

    def head(self) -> None:
        top = self.get_y()
        self.write_line(_("Prescription"), 22, "B", tone=PINE)
        self.write_line(self.content.clinic_name or _("Care Portal"), 11, tone=QUIET)
        after = self.get_y()
        self.set_xy(MARGIN, top)
        self.set_font("text", "B", 17)
        self.set_text_color(*INK)
        self.cell(WIDTH, 9, shown_code(self.content.code), align=self.end, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_y(max(after, self.get_y()) + 3)
        self.rule()

    def parties(self) -> None:
        """Patient and doctor side by side, and the dates under them."""
        given, top = self.content, self.get_y()
        born = _("Born on %(day)s", day=format_date(given.date_of_birth, style="long")) if given.date_of_birth else ""
        licence = _("Licence %(number)s", number=given.doctor_licence) if given.doctor_licence else ""
        left = self.block(_("Patient"), [given.patient_name, born], top, first=True)
        lines = [given.doctor_name, licence, given.clinic_name, given.clinic_address, given.clinic_phone]
        right = self.block(_("Prescribed by"), lines, top, first=False)
        self.set_y(max(left, right) + 2)
        days = {
            "issued": format_datetime(given.issued_at, self.zone, "long"),
            "until": format_date(given.valid_until, self.zone, "long"),
        }
        self.write_line(_("Issued %(issued)s. Valid until %(until)s.", **days), 10, gap=2)
        self.rule(4)

    def block(self, title: str, lines: list[str], top: float, *, first: bool) -> float:
        """One of two columns; where it ends."""
        half = WIDTH / 2 - 4
        x = MARGIN if first != self.rtl else MARGIN + WIDTH - half
        self.set_y(top)
        for number, text in enumerate([title, *filter(None, lines)]):
            size, style, tone = (9, "", QUIET) if number == 0 else (11, "B", INK) if number == 1 else (10, "", INK)
            self.set_font("text", style, size)
            self.set_text_color(*tone)
            self.set_x(x)
            self.multi_cell(half, size * 0.52, text, align=self.start, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        return self.get_y()

    def item(self, number: int, item: ContentItem) -> None:
        name = " ".join(part for part in (item.drug_name, item.strength, item.form) if part)
        refills = ngettext("%(n)s refill", "%(n)s refills", item.refills_allowed) if item.refills_allowed else ""
        amount = _("Quantity: %(amount)s", amount=amount_words(item.quantity, item.unit))
        if self.will_page_break(ITEM_HEIGHT):
            self.add_page()
        self.write_line(f"{format_number(number)}. {name}", 12, "B")
        if item.active_ingredient and item.active_ingredient.casefold() != item.drug_name.casefold():
            self.write_line(item.active_ingredient, 9.5, indent=6, tone=QUIET)
        self.write_line(directions_of(item.dose, item.dose_unit, item.frequency, item.duration_days), 11, indent=6)
        self.write_line(" · ".join(filter(None, [amount, refills])), 10, indent=6)
        if item.instructions:
            self.write_line(item.instructions, 10, indent=6)
        self.ln(3)

    def notes(self) -> None:
        if self.content.notes:
            self.write_line(_("Notes"), 9, tone=QUIET)
            self.write_line(self.content.notes, 10, gap=3)

    def proof(self, link: str) -> None:
        """QR, code, and how anybody can check them; together on one page."""
        if self.will_page_break(QR_SIZE + 12):
            self.add_page()
        self.rule(5)
        top = self.get_y()
        x = MARGIN + WIDTH - QR_SIZE if self.rtl else MARGIN
        draw_code(self, link, x, top, QR_SIZE)
        beside, room = (MARGIN if self.rtl else MARGIN + QR_SIZE + 7), WIDTH - QR_SIZE - 7
        texts = [
            (shown_code(self.content.code), 20, "B", INK),
            (_("Show this code at a pharmacy, with your date of birth, or let it be scanned."), 10.5, "", INK),
            (_("Signed electronically by %(doctor)s.", doctor=self.content.doctor_name), 10.5, "", INK),
            (_("Anybody can check that it is genuine and what is left of it: scan the code."), 9, "", QUIET),
        ]
        self.set_y(top + 2)
        for text, size, style, tone in texts:
            self.set_font("text", style, size)
            self.set_text_color(*tone)
            self.set_x(beside)
            self.multi_cell(room, size * 0.55, text, align=self.start, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(1.5)
        self.set_y(max(self.get_y(), top + QR_SIZE) + 2)

    def footer(self) -> None:
        """On every page: whose code it is, and which page of how many."""
        self.set_xy(MARGIN, -15)
        self.set_font("text", "", 8.5)
        self.set_text_color(*QUIET)
        self.cell(WIDTH, 5, f"{shown_code(self.content.code)} · {self.page_no()} / {{pages}}", align="C")


def draw_code(paper: FPDF, text: str, x: float, y: float, size: float) -> None:
    """A QR code of black rectangles, sharp at any size."""
    modules, bars = code_bars(text)
    one = size / modules
    paper.set_fill_color(0, 0, 0)
    for column, row, length in bars:
        paper.rect(x + column * one, y + row * one, length * one, one, "F")
