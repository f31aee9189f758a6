"""The patient's own record, one thing a page; the same read-only for those who treat them; who opened it."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, DomainError, Invalid, NotFound
from portal.records import actions, queries, words
from portal.records.schemas import (
    FORMS,
    FavouriteForm,
    HistoryForm,
    Record,
    RecordChange,
    RemovalForm,
    Section,
    added,
    favourite,
    removed,
)
from portal.web.flashes import flash
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect

PATIENT = roles(Role.PATIENT)
READERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
A_PAGE = 25
TEMPLATES = {
    Section.ALLERGIES: "records/allergy.html",
    Section.CONDITIONS: "records/condition.html",
    Section.CONTACTS: "records/contact.html",
}


@get("/record", access=PATIENT)
async def own(actor: NamedDependency[Actor]) -> Response[Any]:
    return page("records/record.html", record=await queries.record(actor, actor.id), own=True)


@get("/patients/{patient_id:uuid}", access=READERS)
async def of_patient(actor: NamedDependency[Actor], patient_id: FromPath[UUID]) -> Response[Any]:
    record = await queries.record(actor, patient_id)
    return page("records/record.html", record=record, own=actor.id == patient_id)


@get("/record/history", access=PATIENT)
async def history_form(actor: NamedDependency[Actor]) -> Response[Any]:
    record = await queries.record(actor, actor.id)
    values = {"version": record.version, "medical_history": record.medical_history}
    return page("records/history.html", record=record, form=Form.empty(values), meanwhile=False)


@post("/record/history", access=PATIENT, status_code=200)
async def change_history(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    form = await read_form(request, HistoryForm)
    if form.data is None:
        return await again(actor, "records/history.html", form)
    change = RecordChange(version=form.data.version, medical_history=form.data.medical_history or "")
    try:
        await actions.change_record(actor, actor.id, change)
    except DomainError as refused:
        return await again(actor, "records/history.html", form, refused)
    return saved(request)


@get("/record/{section:str}/new", access=PATIENT)
async def entry_form(actor: NamedDependency[Actor], section: FromPath[str]) -> Response[Any]:
    template = TEMPLATES[section_named(section)]
    record = await queries.record(actor, actor.id)
    form: Form[Any] = Form.empty({"version": record.version})
    return page(template, record=record, form=form, meanwhile=False)


@post("/record/{section:str}", access=PATIENT, status_code=200)
async def add_entry(request: Request, actor: NamedDependency[Actor], section: FromPath[str]) -> Response[Any]:
    part = section_named(section)
    form = await read_form(request, FORMS[part])
    if form.data is None:
        return await again(actor, TEMPLATES[part], form)
    record = await queries.record(actor, actor.id)
    try:
        await actions.change_record(actor, actor.id, added(record, part, form.data))
    except DomainError as refused:
        return await again(actor, TEMPLATES[part], form, refused)
    return saved(request)


@post("/record/{section:str}/remove", access=PATIENT, status_code=303)
async def remove_entry(request: Request, actor: NamedDependency[Actor], section: FromPath[str]) -> Response[Any]:
    """A list that has changed since it was shown is shown again, and nothing is taken out."""
    form = await read_form(request, RemovalForm)
    if form.data is None:
        raise Invalid(form.errors)
    record = await queries.record(actor, actor.id)
    try:
        await actions.change_record(actor, actor.id, removed(record, section_named(section), form.data))
    except Conflict as refused:
        flash(request, refused.detail)
        return redirect("/record")
    return saved(request)


@post("/record/favourites", access=PATIENT, status_code=303)
async def change_favourites(request: Request, actor: NamedDependency[Actor]) -> Response[Any]:
    """Remember or forget a doctor or clinic."""
    form = await read_form(request, FavouriteForm)
    if form.data is None:
        raise Invalid(form.errors)
    record = await queries.record(actor, actor.id)
    await actions.change_record(actor, actor.id, favourite(record, form.data))
    return saved(request)


@get("/record/access", access=PATIENT)
async def accesses(actor: NamedDependency[Actor], skip: Skip = 0) -> Response[Any]:
    """Who opened or changed the record, when and why."""
    return page("records/access.html", log=await queries.access_log(actor, skip, A_PAGE), act=words.act, why=words.why)


async def again(actor: Actor, template: str, form: Form, refused: DomainError | None = None) -> Response[Any]:
    """The form with what was typed. After somebody else's change it stands beside what is stored now, and saves onto that."""
    if not isinstance(refused, Conflict):
        form = form.refused(refused) if refused else form
        record = await queries.record(actor, actor.id)
        return page(template, status=422, record=record, form=form, meanwhile=False)
    record = current(refused)
    values = {**form.values, "version": str(record.version)}
    form = Form(values=values).refused(refused)
    return page(template, status=409, record=record, form=form, meanwhile=True)


def current(refused: Conflict) -> Record:
    record: Record = refused.extra["current"]
    return record


def section_named(text: str) -> Section:
    try:
        return Section(text)
    except ValueError:
        raise NotFound from None


def saved(request: Request) -> Response[Any]:
    flash(request, _("Saved."))
    return redirect("/record")


handlers = [
    own, of_patient, accesses, history_form, change_history, change_favourites, entry_form, add_entry, remove_entry,
]  # fmt: skip
