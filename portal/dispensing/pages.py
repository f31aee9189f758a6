"""The counter for people: one field for a code, a scan or a name; what waits; and each step of giving out, by keyboard."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.catalogue.schemas import unit_words
from portal.dispensing import actions, queries
from portal.dispensing.refusals import WORDS
from portal.dispensing.schemas import DispenseForm, Opening
from portal.errors import Conflict, Invalid, NotFound, TooMany
from portal.pharmacies.queries import own_pharmacy
from portal.prescriptions.numbers import shown_code
from portal.prescriptions.words import amount_words, directions
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _, speaking
from portal.web.query import Skip
from portal.web.render import page, redirect
from portal.web.types import Line

PHARMACY = roles(Role.PHARMACY)
PARTIES = roles(Role.PATIENT, Role.DOCTOR)
ONE = "/counter/{prescription_id:uuid}"
DISPENSE = "/counter/dispenses/{dispense_id:uuid}"
Sought = FromQuery[Annotated[str, Line(400)] | None]
QUEUE, LAST = 50, 8


@get("/counter", access=PHARMACY)
async def counter(actor: NamedDependency[Actor], q: Sought = None) -> Response[Any]:
    """The field, and what waits, live. What is typed or scanned leads on: a code to its prescription, a name to its list."""
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    code = queries.code_in(q or "")
    if code is None:
        return await counter_page(actor, q)
    known = await queries.find_code(actor, code)
    if known:
        return redirect(f"/counter/{known}")
    return await counter_page(actor, form=Form.empty({"code": shown_code(code)}))


async def counter_page(
    actor: Actor, q: str | None = None, *, form: Form[Any] | None = None, status: int = 200
) -> Response[Any]:
    return page(
        "dispensing/counter.html",
        status=status,
        amount=amount_words,
        q=q or "",
        form=form,
        waiting=await queries.list_open(actor, q, limit=QUEUE),
        last=await queries.list_dispenses(actor, limit=LAST),
        live_topics=[f"pharmacy:{actor.pharmacy_id}"],
    )


@post("/counter/open", access=PHARMACY, status_code=200)
async def open_prescription(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """By its code and the date of birth."""
    form = await read_form(request, Opening)
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    if form.data is None:
        return await counter_page(actor, form=form, status=422)
    try:
        opened = await actions.open_prescription(actor, form.data)
    except (NotFound, TooMany) as refused:
        return await counter_page(actor, form=form.refused(refused), status=refused.status)
    return redirect(f"/counter/{opened.id}")


@get(ONE, access=PHARMACY)
async def prescription(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    return await prescription_page(actor, prescription_id)


async def prescription_page(
    actor: Actor, prescription_id: UUID, form: Form[Any] | None = None, status: int = 200
) -> Response[Any]:
    """What was prescribed, what there is of it, and how much is given out."""
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    found = await queries.get_for_counter(actor, prescription_id)
    return page(
        "dispensing/prescription.html",
        status=status,
        prescription=found,
        refusal_text=_(WORDS[found.refusal]) if found.refusal else "",
        amount=amount_words,
        directions=directions,
        unit_word=unit_words().get,
        fills=await queries.list_fills(actor, prescription_id),
        form=form,
        live_topics=[f"pharmacy:{actor.pharmacy_id}"],
    )


@post(ONE + "/dispense", access=PHARMACY, status_code=200)
async def dispense(request: Request, actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, DispenseForm)
    if form.data is None:
        return await prescription_page(actor, prescription_id, form, 422)
    try:
        done = await actions.dispense(actor, prescription_id, form.data.wanted())
    except (Invalid, Conflict) as refused:
        return await prescription_page(actor, prescription_id, form.refused(refused), refused.status)
    return redirect(f"/counter/dispenses/{done.id}")


@get("/counter/dispenses", access=PHARMACY)
async def dispenses(actor: NamedDependency[Actor], skip: Skip = 0) -> Response[Any]:
    """What was given out here, the last first."""
    if actor.pharmacy_id is None:
        return redirect("/pharmacy/new")
    return page("dispensing/list.html", found=await queries.list_dispenses(actor, skip), amount=amount_words)


@get(DISPENSE, access=PHARMACY)
async def done(actor: NamedDependency[Actor], dispense_id: FromPath[UUID]) -> Response[Any]:
    return await done_page(actor, dispense_id)


async def done_page(actor: Actor, dispense_id: UUID, refused: str = "", status: int = 200) -> Response[Any]:
    """What was given out, with what is printed for it, and the way back."""
    found = await queries.get_dispense(actor, dispense_id)
    return page("dispensing/done.html", status=status, dispense=found, refused=refused, amount=amount_words)


@get(DISPENSE + "/labels", access=PHARMACY)
async def labels(actor: NamedDependency[Actor], dispense_id: FromPath[UUID]) -> Response[Any]:
    """One label a batch."""
    return await printed(actor, dispense_id, "dispensing/labels.html")


@get(DISPENSE + "/receipt", access=PHARMACY)
async def receipt(actor: NamedDependency[Actor], dispense_id: FromPath[UUID]) -> Response[Any]:
    return await printed(actor, dispense_id, "dispensing/receipt.html")


async def printed(actor: Actor, dispense_id: UUID, template: str) -> Response[Any]:
    """What the patient takes home, in the language in which the patient reads."""
    found = await queries.get_dispense(actor, dispense_id)
    pharmacy = await own_pharmacy(actor, found.pharmacy_id)
    with speaking(found.language):
        return page(template, dispense=found, pharmacy=pharmacy, amount=amount_words, directions=directions)


@post(DISPENSE + "/undo", access=PHARMACY, status_code=200)
async def undo(actor: NamedDependency[Actor], dispense_id: FromPath[UUID]) -> Response[Any]:
    try:
        undone = await actions.undo_dispense(actor, dispense_id)
    except Conflict as refused:
        return await done_page(actor, dispense_id, refused.detail, refused.status)
    text = _("Taken back. The stock is in its batches again.")
    return redirect(f"/counter/{undone.prescription_id}", flash=text)


@get("/prescriptions/{prescription_id:uuid}/fills", access=PARTIES)
async def fills(actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    """What was given out, for the patient and the doctor; their page of the prescription shows it."""
    return page(
        "dispensing/fills.html",
        prescription_id=prescription_id,
        fills=await queries.list_fills(actor, prescription_id),
        amount=amount_words,
        live_topics=[f"user:{actor.id}"],
    )


@get("/counter/batches/{batch_id:uuid}", access=PHARMACY)
async def receivers(actor: NamedDependency[Actor], batch_id: FromPath[UUID], skip: Skip = 0) -> Response[Any]:
    """Who received something out of a batch."""
    return page("dispensing/receivers.html", found=await queries.list_receivers(actor, batch_id, skip, 50))


handlers = [
    counter, open_prescription, prescription, dispense, dispenses, done, labels, receipt, undo, fills, receivers,
]  # fmt: skip
