"""Templates of prescriptions as JSON."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.pads import actions, queries
from portal.pads.schemas import NewTemplate, Template, TemplateList
from portal.web.guards import roles

DOCTOR = roles(Role.DOCTOR)
TAGS = ["Prescriptions"]


@get("/api/prescription-templates", access=DOCTOR, tags=TAGS)
async def list_templates(actor: NamedDependency[Actor]) -> TemplateList:
    """Your templates, by name."""
    return await queries.list_templates(actor)


@post("/api/prescription-templates", access=DOCTOR, tags=TAGS)
async def save_template(actor: NamedDependency[Actor], data: JSONBody[NewTemplate]) -> Template:
    """Keep items under a name; one of the same name is replaced."""
    return await actions.save_template(actor, data)


@delete("/api/prescription-templates/{template_id:uuid}", access=DOCTOR, tags=TAGS)
async def forget_template(actor: NamedDependency[Actor], template_id: FromPath[UUID]) -> None:
    """Remove a template."""
    await actions.forget_template(actor, template_id)


handlers = [list_templates, save_template, forget_template]
