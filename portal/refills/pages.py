"""More of the same, for the patient who asks and the doctor who answers."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, Invalid
from portal.prescriptions.pages import detail_page, shown
from portal.prescriptions.queries import one_of
from portal.refills import actions, queries
from portal.refills.schemas import Approval, NewRefill, Refusal
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.i18n import _
from portal.web.query import Skip
from portal.web.render import page, redirect

PATIENT = roles(Role.PATIENT)
DOCTOR = roles(Role.DOCTOR)
ONE = "/refills/{refill_id:uuid}"
A_PAGE = 20


@post("/prescriptions/{prescription_id:uuid}/refill-requests", access=PATIENT, status_code=200)
async def ask(request: Request, actor: NamedDependency[Actor], prescription_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, NewRefill)
    if form.data is None:
        return await detail_page(actor, prescription_id, form=form, status=422)
    try:
        await actions.ask(actor, prescription_id, form.data)
    except Conflict as conflict:
        return await detail_page(actor, prescription_id, form=form.refused(conflict), status=409)
    return redirect(f"/prescriptions/{prescription_id}", flash=_("Your doctor has been asked."))


@get("/refills", access=DOCTOR)
async def waiting(actor: NamedDependency[Actor], skip: Skip = 0) -> Response[Any]:
    """What patients ask for, open requests first, live."""
    found = await queries.list_refills(actor, skip=skip, limit=A_PAGE)
    return page("refills/list.html", found=found, live_topics=[f"user:{actor.id}"])


@get(ONE, access=DOCTOR)
async def detail(actor: NamedDependency[Actor], refill_id: FromPath[UUID]) -> Response[Any]:
    return await answer_page(actor, refill_id)


async def answer_page(
    actor: Actor, refill_id: UUID, form: Form[Any] | None = None, status: int = 200, warnings: Any = ()
) -> Response[Any]:
    found = await queries.get_refill(actor, refill_id)
    rx = await one_of(actor, found.prescription_id)
    return page(
        "refills/answer.html",
        status=status,
        refill=found,
        rx=rx,
        form=form or Form.empty(),
        warnings=warnings,
        **shown(),
    )


@post(ONE + "/approve", access=DOCTOR, status_code=200)
async def approve(request: Request, actor: NamedDependency[Actor], refill_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Approval)
    if form.data is None:
        return await answer_page(actor, refill_id, form, 422)
    try:
        issued = await actions.approve(actor, refill_id, form.data)
    except (Conflict, Invalid) as refused:
        warned = refused.extra.get("warnings", ())
        return await answer_page(actor, refill_id, form.refused(refused), refused.status, warned)
    return redirect(f"/prescriptions/{issued.id}", flash=_("Issued once more. The patient has been told."))


@post(ONE + "/decline", access=DOCTOR, status_code=200)
async def decline(request: Request, actor: NamedDependency[Actor], refill_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, Refusal)
    if form.data is None:
        return await answer_page(actor, refill_id, form, 422)
    try:
        await actions.decline(actor, refill_id, form.data)
    except Conflict as conflict:
        return await answer_page(actor, refill_id, form.refused(conflict), 409)
    return redirect("/refills", flash=_("The patient has been told."))


handlers = [ask, waiting, detail, approve, decline]
