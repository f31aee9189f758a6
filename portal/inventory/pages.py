"""Stock for those who keep it: at the counter by keyboard, and for clinics at each of their places."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from portal import clock
from portal.accounts.schemas import Actor, Role
from portal.catalogue.queries import search_items
from portal.catalogue.schemas import unit_words
from portal.catalogue.words import counted
from portal.errors import Conflict, Invalid, NotFound
from portal.inventory import actions, events, policy, queries
from portal.inventory.api import Days, Since, Until
from portal.inventory.schemas import (
    Adjustment,
    Move,
    Moved,
    Place,
    Receipt,
    Threshold,
    TransactionType,
    Transfer,
)
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import format_number, page, redirect
from portal.web.types import Id, Line

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
A_PAGE = 25
Sought = FromQuery[Annotated[str, Line(100)] | None]
Where = Annotated[UUID | None, QueryParameter(name="location")]


class Verb(StrEnum):
    """What is done to stock, as it stands in an address."""

    IN = "in"
    OUT = "out"
    SELL = "sell"
    ADJUST = "adjust"
    RETURN = "return"
    TRANSFER = "transfer"


# What each of them is told.
FORMS: dict[Verb, Any] = {
    Verb.IN: Receipt, Verb.OUT: Move, Verb.SELL: Move, Verb.ADJUST: Adjustment, Verb.RETURN: Move, Verb.TRANSFER: Transfer,
}  # fmt: skip


async def around(actor: Actor, wanted: UUID | None) -> dict[str, Any]:
    """What every page of stock knows: one's places, the one that it is about, and what it listens to."""
    places = await queries.own_places(actor)
    chosen = policy.chosen([one.id for one in places], wanted)
    place = next((one for one in places if one.id == chosen), None)
    topics = [events.topic_of(place.kind, place.id)] if place else []
    return {
        "places": places, "place": place, "units": unit_words(), "counted": counted, "live_topics": topics,
        "today": clock.today(place.time_zone) if place else None,
    }  # fmt: skip


def of(context: dict[str, Any]) -> Place:
    """The place of a page that cannot be without one. Raises `NotFound`."""
    place: Place | None = context["place"]
    if place is None:
        raise NotFound
    return place


# What there is


@get("/stock", access=KEEPERS)
async def stock(
    actor: NamedDependency[Actor], location: Where = None, q: Sought = None, skip: Skip = 0
) -> Response[Any]:
    """What is on hand, by name, live."""
    context = await around(actor, location)
    if context["place"] is None:
        return page("inventory/nowhere.html", **context)
    found = await queries.list_stock(actor, of(context).id, q, skip, A_PAGE)
    return page("inventory/stock.html", **context, found=found, q=q or "")


@get("/stock/items/{item_id:uuid}", access=KEEPERS)
async def item(actor: NamedDependency[Actor], item_id: FromPath[UUID], location: Where = None) -> Response[Any]:
    """One item at one place: what can be done, its batches, its last movements."""
    return await item_page(actor, item_id, location)


async def item_page(
    actor: Actor, item_id: UUID, location: UUID | None, form: Form[Any] | None = None, status: int = 200
) -> Response[Any]:
    context = await around(actor, location)
    here = of(context).id
    found = await queries.get_stock(actor, item_id, here)
    moved = await queries.list_transactions(actor, here, item_id)
    at = found.places[0] if found.places else None
    return page("inventory/item.html", status=status, **context, item=found.item, at=at, moved=moved, form=form)


@post("/stock/items/{item_id:uuid}/threshold", access=KEEPERS, status_code=200)
async def set_threshold(request: Request, actor: NamedDependency[Actor], item_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Threshold)
    if form.data is None:
        return await item_page(actor, item_id, None, form, 422)
    await actions.set_threshold(actor, item_id, form.data)
    flash(request, _("Saved."))
    return redirect(f"/stock/items/{item_id}?location={form.data.location_id}")


@get("/stock/low", access=KEEPERS)
async def low(actor: NamedDependency[Actor], location: Where = None, skip: Skip = 0) -> Response[Any]:
    """What must be ordered, the emptiest first, live."""
    context = await around(actor, location)
    found = await queries.list_low(actor, of(context).id, skip, A_PAGE)
    return page("inventory/low.html", **context, found=found)


@get("/stock/expiring", access=KEEPERS)
async def expiring(
    actor: NamedDependency[Actor], location: Where = None, days: Days = 30, skip: Skip = 0
) -> Response[Any]:
    """What has expired and is still there, and what will."""
    context = await around(actor, location)
    found = await queries.list_expiring(actor, days, of(context).id, skip, A_PAGE)
    return page("inventory/expiring.html", **context, found=found, days=days)


@get("/stock/movements", access=KEEPERS)
async def movements(
    actor: NamedDependency[Actor],
    location: Where = None,
    item_id: FromQuery[Id | None] = None,
    batch_id: FromQuery[Id | None] = None,
    transaction_type: FromQuery[TransactionType | None] = None,
    since: Since = None,
    until: Until = None,
    skip: Skip = 0,
) -> Response[Any]:
    """The ledger, the latest first."""
    context = await around(actor, location)
    asked = (item_id, batch_id, transaction_type, since, until)
    found = await queries.list_transactions(actor, of(context).id, *asked, skip, A_PAGE)
    names = ("item_id", "batch_id", "transaction_type", "from", "to")
    return page("inventory/movements.html", **context, found=found, asked=dict(zip(names, asked, strict=True)))


# What is done


@get("/stock/move/{verb:str}", access=KEEPERS)
async def ask_move(
    actor: NamedDependency[Actor],
    verb: FromPath[str],
    location: Where = None,
    item_id: FromQuery[Id | None] = None,
    batch_id: FromQuery[Id | None] = None,
    q: Sought = None,
) -> Response[Any]:
    """First which item, then how much."""
    context, step = await around(actor, location), verb_of(verb)
    if item_id is None:
        return await choice_page(actor, context, step, q)
    return await move_page(actor, context, step, Form.empty({"item_id": item_id, "batch_id": batch_id}))


def verb_of(text: str) -> Verb:
    try:
        return Verb(text)
    except ValueError:
        raise NotFound from None


async def choice_page(actor: Actor, context: dict[str, Any], verb: Verb, q: str | None) -> Response[Any]:
    """What comes in may be anything of the catalogue; what goes out is here already."""
    here, catalog, lines = of(context).id, None, None
    if verb is Verb.IN:
        catalog = (await search_items(actor, q, limit=20)).items if q else []
    else:
        lines = (await queries.list_stock(actor, here, q, limit=20)).items if q else []
    return page("inventory/choose.html", **context, verb=verb, q=q or "", catalog=catalog, lines=lines)


async def move_page(
    actor: Actor, context: dict[str, Any], verb: Verb, form: Form[Any], status: int = 200
) -> Response[Any]:
    if form.error("item_id"):
        raise Invalid(form.errors)
    item_id = UUID(form.value("item_id"))
    here = of(context)
    found = await queries.get_stock(actor, item_id, here.id)
    every = verb in (Verb.ADJUST, Verb.RETURN)
    batches = (await queries.list_batches(actor, here.id, None, item_id, empty_too=every, limit=200)).batches
    at = found.places[0] if found.places else None
    return page(
        "inventory/move.html", status=status, **context, verb=verb, form=form, item=found.item, at=at, batches=batches
    )


@post("/stock/move/{verb:str}", access=KEEPERS, status_code=200)
async def move(request: Request, actor: NamedDependency[Actor], verb: FromPath[str]) -> Response[Any]:
    """Do it, and see what the ledger says of it."""
    step = verb_of(verb)
    form: Form[Any] = await read_form(request, FORMS[step])
    if form.data is None:
        return await move_page(actor, await around(actor, place_of(form)), step, form, 422)
    try:
        moved = await doing(step)(actor, form.data)
    except (Conflict, Invalid) as refused:
        context = await around(actor, form.data.location_id)
        return await move_page(actor, context, step, form.refused(refused), refused.status)
    flash(request, said(step, moved))
    return redirect(f"/stock/items/{form.data.item_id}?location={form.data.location_id}")


def doing(verb: Verb) -> Callable[[Actor, Any], Awaitable[Moved]]:
    """What a verb does."""
    match verb:
        case Verb.IN:
            return actions.receive
        case Verb.OUT:
            return actions.take_out
        case Verb.SELL:
            return actions.sell
        case Verb.ADJUST:
            return actions.adjust
        case Verb.RETURN:
            return actions.put_back
        case _:
            return actions.transfer


def place_of(form: Form[Any]) -> UUID | None:
    """The place that a form was about, unless that is what is wrong with it."""
    if form.error("location_id"):
        return None
    return UUID(form.value("location_id"))


def said(verb: Verb, moved: Moved) -> str:
    """What was done, in a sentence."""
    first = moved.transactions[0]
    amount = sum((abs(one.quantity) for one in moved.transactions), Decimal()) / (2 if verb is Verb.TRANSFER else 1)
    values = {"amount": counted(amount, first.unit_type, format_number(float(amount))), "item": first.item_name}
    return {
        Verb.IN: _("Received: %(amount)s of %(item)s.", **values),
        Verb.OUT: _("Taken out: %(amount)s of %(item)s.", **values),
        Verb.SELL: _("Sold: %(amount)s of %(item)s.", **values),
        Verb.ADJUST: _("Adjusted by %(amount)s: %(item)s.", **values),
        Verb.RETURN: _("Returned: %(amount)s of %(item)s.", **values),
        Verb.TRANSFER: _("Moved: %(amount)s of %(item)s.", **values),
    }[verb]


handlers = [
    stock, item, set_threshold, low, expiring, movements, ask_move, move,
]  # fmt: skip
