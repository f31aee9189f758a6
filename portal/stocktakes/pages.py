"""Counting at the shelf, and files in and out."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, Invalid
from portal.inventory import queries as stock
from portal.inventory.api import Since, Until
from portal.inventory.pages import Sought, Where, around, of, place_of
from portal.stocktakes import actions, queries
from portal.stocktakes.api import as_file
from portal.stocktakes.schemas import CountForm, FileForm, ImportReport
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
A_PAGE = 25  # batches of one count on a page


@get("/stock/count", access=KEEPERS)
async def ask_count(
    actor: NamedDependency[Actor], location: Where = None, q: Sought = None, skip: Skip = 0
) -> Response[Any]:
    """The batches of a place, each with a field for what is found."""
    return await count_page(actor, location, q, skip)


async def count_page(
    actor: Actor, location: UUID | None, q: str | None, skip: int, form: Form[Any] | None = None, status: int = 200
) -> Response[Any]:
    context = await around(actor, location)
    here = of(context).id
    found = await stock.list_shelf(actor, here, q, skip, A_PAGE)
    kept = await queries.list_counts(actor, here, limit=5)
    return page(
        "stocktakes/count.html", status=status, **context, found=found, q=q or "", kept=kept, form=form
    )  # fmt: skip


@post("/stock/count", access=KEEPERS, status_code=200)
async def count(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, CountForm)
    try:
        if form.data is None:
            raise Invalid([])
        kept = await actions.count(actor, form.data.count())
    except (Conflict, Invalid) as refused:
        return await again(actor, form.refused(refused), refused.status)
    flash(request, _("The count is kept."))
    return redirect(f"/stock/counts/{kept.id}")


async def again(actor: Actor, form: Form[Any], status: int) -> Response[Any]:
    """The same batches with what was typed, and what each holds by now."""
    context = await around(actor, place_of(form))
    names = [name for name in form.values if name.endswith(".batch_id") and not form.error(name)]
    ids = [UUID(form.value(name)) for name in names]
    here = {one.id: one for one in await stock.get_batches(actor, ids)}
    found = [here[one] for one in ids if one in here]
    kept = await queries.list_counts(actor, of(context).id, limit=5)
    return page("stocktakes/count.html", status=status, **context, found=found, q="", kept=kept, form=form)


@get("/stock/counts/{count_id:uuid}", access=KEEPERS)
async def counted(actor: NamedDependency[Actor], count_id: FromPath[UUID]) -> Response[Any]:
    """What a count found, what differed on top."""
    kept = await queries.get_count(actor, count_id)
    return page("stocktakes/counted.html", **await around(actor, kept.location_id), kept=kept)


@get("/stock/import", access=KEEPERS)
async def ask_import(actor: NamedDependency[Actor], location: Where = None) -> Response[Any]:
    """A file in, a file out."""
    return await import_page(await around(actor, location), Form.empty())


async def import_page(
    context: dict[str, Any], form: Form[Any], report: ImportReport | None = None, status: int = 200
) -> Response[Any]:
    of(context)
    return page("stocktakes/import.html", status=status, **context, form=form, report=report)


@post("/stock/import", access=KEEPERS, status_code=200)
async def import_file(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """First what it would do, then, with the button below, that."""
    form = await read_form(request, FileForm)
    context = await around(actor, place_of(form))
    if form.data is None:
        return await import_page(context, form, status=422)
    file = form.data.file()
    try:
        report = await actions.import_file(actor, file)
    except Conflict as refused:
        return await import_page(context, form.refused(refused), status=refused.status)
    if file.dry_run:
        return await import_page(context, form, report)
    flash(request, _("%(number)s lines were taken in.", number=report.lines))
    return redirect(f"/stock?location={file.location_id}")


@get("/stock/export.csv", access=KEEPERS)
async def export_stock(actor: NamedDependency[Actor], location: Where = None) -> Response[str]:
    return as_file(await queries.export_stock(actor, location), "stock")


@get("/stock/movements.csv", access=KEEPERS)
async def export_movements(
    actor: NamedDependency[Actor], location: Where = None, since: Since = None, until: Until = None
) -> Response[str]:
    return as_file(await queries.export_movements(actor, location, since, until), "movements")


handlers = [ask_count, count, counted, ask_import, import_file, export_stock, export_movements]
