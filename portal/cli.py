"""The command line."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from portal import serving
from portal.errors import DomainError
from portal.registration.schemas import NewAdmin
from portal.settings import SettingError, Settings
from portal.web import logs
from portal.web.forms import fill


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the operator can mend is said in one line, with exit code 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SettingError as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        except DomainError as error:
            click.echo(error.detail, err=True)
            sys.exit(1)

    return run


@click.group()
def main() -> None:
    """Care Portal."""
    logs.configure(logging.WARNING)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Web processes.")
@click.option("--demo", is_flag=True, help="Fill an empty portal with invented people; loopback only.")
@plainly
def serve(host: str, port: int, data: Path | None, workers: int, demo: bool) -> None:
    """Start the portal; prints one line `ready …` when it answers."""
    environ = serving.environment(dict(os.environ), host=host, port=port, data=data, demo=demo)
    settings = Settings.from_env(environ)
    sys.exit(serving.serve(settings, environ, host=host, port=port, workers=workers))


@main.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@plainly
def migrate(data: Path | None) -> None:
    """Bring the database to this version's schema."""
    from portal.migrations import migrate as run

    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        asyncio.run(run(settings))


@main.command()
@plainly
def worker() -> None:
    """Run jobs, schedules and the relay of integration events until SIGTERM; for portals with their own database."""
    settings = Settings.from_env()
    if not settings.database_url:
        raise SettingError("DATABASE_URL: the embedded portal runs its jobs inside `portal serve`")
    sys.exit(asyncio.run(serving.work(settings)))


@main.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@plainly
def demo(data: Path | None) -> None:
    """Fill an empty portal with invented people, without serving it; loopback only."""
    environ = serving.environment(dict(os.environ), data=data, demo=True)
    with serving.database(Settings.from_env(environ)) as settings:
        serving.prepare(settings)
    click.echo("the demonstration's people are there; all sign in with the password portal-demo")


@main.command("create-admin")
@click.argument("email")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@click.option("--first-name", default="System", show_default=True)
@click.option("--last-name", default="Admin", show_default=True)
@plainly
def create_admin(email: str, data: Path | None, first_name: str, last_name: str) -> None:
    """Make a system admin. The password is asked for, or read from PORTAL_ADMIN_PASSWORD."""
    password = os.environ.get("PORTAL_ADMIN_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    given = [("email", email), ("password", password), ("first_name", first_name), ("last_name", last_name)]
    form = fill(given, NewAdmin)
    if form.data is None:
        raise SettingError("; ".join(f"{one.field}: {one.message}" for one in form.errors))
    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        asyncio.run(serving.create_admin(settings, form.data))
    click.echo(f"{form.data.email} can sign in as a system admin")


@main.command()
@plainly
def openapi() -> None:
    """Print the OpenAPI document of the JSON API."""
    from litestar.serialization import encode_json

    from portal.app import create_app
    from portal.web.openapi import document

    app = create_app(Settings.from_env())
    click.echo(msgspec.json.format(encode_json(document(app))).decode())
