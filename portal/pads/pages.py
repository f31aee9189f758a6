"""The pad: one form of many medicines. Every button posts the whole of it, so that it works without JavaScript."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.catalogue.schemas import unit_words
from portal.errors import Conflict, DomainError, Invalid
from portal.pads import actions, making, queries
from portal.pads.making import Line as PadText
from portal.pads.schemas import NewTemplate, PadForm
from portal.prescriptions import actions as prescriptions
from portal.prescriptions.pages import shown
from portal.prescriptions.schemas import MOST_ITEMS, NewPrescription, Warned
from portal.prescriptions.words import dose_unit_words, frequency_words
from portal.web.forms import Form, fill, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.render import page, redirect
from portal.web.types import Id, Line

DOCTOR = roles(Role.DOCTOR)
WRITE = "/appointments/{appointment_id:uuid}/prescriptions/new"
Words = FromQuery[Annotated[str, Line(100)] | None]


@get(WRITE, access=DOCTOR)
async def ask_write(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], replaces: FromQuery[Id | None] = None
) -> Response[Any]:
    """An empty pad, or with `replaces` one that holds what it is to take the place of."""
    pad = await queries.read_pad(actor, appointment_id)
    form: Form[Any] = Form.empty({f"items.0.{name}": text for name, text in making.FIRST.items()})
    if replaces:
        old = await queries.to_amend(actor, replaces, pad.visit.patient_id)
        lines = await recounted([making.line_of(i) for i in old.items])
        form = Form(values=making.with_lines({"replaces_id": str(old.id), "notes": old.notes}, lines))
    return await pad_page(pad, form)


async def pad_page(
    pad: Any, form: Form[Any], status: int = 200, *, found: tuple[int, Any] = (-1, ()), said: str = ""
) -> Response[Any]:
    lines = making.lines_of(form.values) or [dict(making.FIRST)]
    return page(
        "pads/write.html",
        status=status,
        pad=pad,
        form=replace(form, values=making.with_lines(form.values, lines)),
        lines=lines,
        computed=[making.computed(line) for line in lines],
        counted_in=await queries.counted_in(catalogue_ids(lines)),
        supplies=await queries.supplies(catalogue_ids(lines), pad.visit.patient_id, pad.visit.clinic_id),
        found_at=found[0],
        found=found[1],
        said=said,
        labels=making.field_labels(len(lines), field_words()),
        most=MOST_ITEMS,
        **choices(),
        **shown(),
    )


def catalogue_ids(lines: list[PadText]) -> list[UUID]:
    return [one for line in lines if (one := id_of(line.get("catalog_item_id", "")))]


async def recounted(lines: list[PadText]) -> list[PadText]:
    """Lines that were written before, in the units of today."""
    units = await queries.counted_in(catalogue_ids(lines))
    return [making.recounted(line, units) for line in lines]


def id_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def choices() -> dict[str, Any]:
    """What can be chosen in every line."""
    return {
        "frequencies": list(frequency_words().items()),
        "units": list(unit_words().items()),
        "dose_units": list(dose_unit_words().items()),
    }


def field_words() -> dict[str, str]:
    return {
        "drug_name": _("Medicine"), "catalog_item_id": _("Medicine"), "active_ingredient": _("Active ingredient"),
        "strength": _("Strength"), "form": _("Form"), "dose": _("Dose"), "dose_unit": _("Dose in"),
        "frequency": _("How often"), "duration_days": _("Days"), "quantity": _("Quantity"),
        "unit": _("Quantity in"), "instructions": _("Instructions"), "refills_allowed": _("Refills"),
    }  # fmt: skip


@post(WRITE, access=DOCTOR, status_code=200)
async def write(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """One step on the pad: a line more or less, a medicine found or picked, a look over it, and at last the signature."""
    form = await read_form(request, PadForm)
    pad = await queries.read_pad(actor, appointment_id, audited=True)
    if form.data is None:
        return await pad_page(pad, form, 422)
    what, at, more = making.numbered(form.data.step or "compute")
    if what in ("preview", "issue"):
        return await look_over(actor, pad, form, sign=what == "issue")
    if what == "save":
        return await save_template(actor, pad, form)
    if what == "find":
        words = making.text_of(form.values, f"items.{at}.drug_name")
        return await pad_page(pad, form, found=(at or 0, await queries.find_medicines(actor, words)))
    lines = await stepped(pad, making.lines_of(form.values), what, at, more)
    return await pad_page(pad, replace(form, values=making.with_lines(form.values, lines), errors=[]))


async def stepped(pad: Any, lines: list[PadText], what: str, at: int | None, more: str) -> list[PadText]:
    """The lines after a step."""
    if what == "pick" and at is not None and at < len(lines):
        item = await queries.medicine(id_of(more) or UUID(int=0))
        return [making.picked(line, item) if item and n == at else line for n, line in enumerate(lines)]
    if what == "template":
        chosen: list[Any] = next((one.items for one in pad.templates if str(one.id) == more), [])
        return making.filled(lines, await recounted([making.line_of(item) for item in chosen]))
    if what == "last" and pad.last:
        return making.filled(lines, await recounted([making.line_of(item) for item in pad.last.items]))
    return making.edited(lines, what, at)


async def look_over(actor: Actor, pad: Any, form: Form[Any], *, sign: bool) -> Response[Any]:
    """What will be signed, with all that speaks against it; or, when everything is said, the signature."""
    strict = fill(making.strict_pairs(form.values, pad.visit.id), NewPrescription)
    again = replace(form, values=making.with_lines(form.values, kept(form)), data=None)
    if strict.data is None:
        return await pad_page(pad, replace(again, errors=strict.errors), 422)
    try:
        if not sign:
            return preview_page(pad, again, strict.data, await prescriptions.check(actor, strict.data))
        issued = await prescriptions.issue(actor, strict.data)
    except Invalid as invalid:
        return await pad_page(pad, again.refused(invalid), 422)
    except Conflict as conflict:
        return await refused_page(actor, pad, again, strict.data, conflict)
    return redirect(f"/prescriptions/{issued.id}", flash=_("Signed and issued. The patient has it now."))


def kept(form: Form[Any]) -> list[PadText]:
    """The lines that say something; what was computed stands in them from now on."""
    lines = [line for line in making.lines_of(form.values) if not making.is_empty(line)]
    return [{**line, "quantity": line.get("quantity") or making.computed(line)} for line in lines]


async def refused_page(
    actor: Actor, pad: Any, form: Form[Any], new: NewPrescription, conflict: DomainError
) -> Response[Any]:
    warnings = conflict.extra.get("warnings")
    if warnings is None:
        return await pad_page(pad, form.refused(conflict), conflict.status)
    found = await prescriptions.check(actor, new)
    return preview_page(pad, form.refused(conflict), new, found, conflict.status)


def preview_page(
    pad: Any, form: Form[Any], new: NewPrescription, warnings: list[Warned], status: int = 200
) -> Response[Any]:
    hidden = [(name, text) for name, text in form.values.items() if name.startswith(("items.", "replaces", "valid"))]
    return page(
        "pads/preview.html",
        status=status,
        pad=pad,
        form=form,
        new=new,
        lines=making.lines_of(form.values),
        warnings=warnings,
        reasons=making.reasons(form.values),
        hidden=hidden,
        frequencies=frequency_words(),
        **shown(),
    )


async def save_template(actor: Actor, pad: Any, form: Form[Any]) -> Response[Any]:
    """Keep what the pad holds under a name; the pad stays as it is."""
    pairs = making.strict_pairs(form.values, pad.visit.id)
    items = [(name, text) for name, text in pairs if name.startswith("items.")]
    strict = fill([("name", making.text_of(form.values, "template_name")), *items], NewTemplate)
    named = [replace_name(error) for error in strict.errors]
    if strict.data is None:
        return await pad_page(pad, replace(form, errors=named, data=None), 422)
    try:
        saved = await actions.save_template(actor, strict.data)
    except Conflict as conflict:
        return await pad_page(pad, form.refused(conflict), 409)
    pad = await queries.read_pad(actor, pad.visit.id, audited=True)
    return await pad_page(pad, form, said=_("Kept as “%(name)s”.", name=saved.name))


def replace_name(error: Any) -> Any:
    return error if error.field != "name" else type(error)("template_name", error.message)


@get("/pad/medicines", access=DOCTOR)
async def medicines(
    actor: NamedDependency[Actor],
    q: Words = None,
    line: Annotated[int, QueryParameter(ge=0, lt=MOST_ITEMS, description="Which line asks")] = 0,
) -> Response[Any]:
    """The medicines that a few letters stand for, as buttons of the pad; asked for while somebody types."""
    return page("pads/_found.html", found=await queries.find_medicines(actor, q), at=line, q=q or "")


@get("/pad/templates", access=DOCTOR)
async def templates(actor: NamedDependency[Actor]) -> Response[Any]:
    found = await queries.list_templates(actor)
    return page("pads/templates.html", templates=found.templates, frequencies=frequency_words(), **shown())


@post("/pad/templates/{template_id:uuid}/forget", access=DOCTOR, status_code=200)
async def forget_template(actor: NamedDependency[Actor], template_id: FromPath[UUID]) -> Response[Any]:
    await actions.forget_template(actor, template_id)
    return redirect("/pad/templates", flash=_("The template is removed."))


handlers = [ask_write, write, medicines, templates, forget_template]
