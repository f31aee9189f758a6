"""The command line."""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from portal import serving
from portal.settings import SettingError, Settings


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the operator can mend is said in one line, with exit code 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SettingError as error:
            click.echo(str(error), err=True)
            sys.exit(2)

    return run


@click.group()
def main() -> None:
    """Care Portal."""


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
@plainly
def openapi() -> None:
    """Print the OpenAPI document of the JSON API."""
    import msgspec

    from portal.app import create_app

    app = create_app(Settings.from_env())
    click.echo(msgspec.json.format(msgspec.json.encode(app.openapi_schema.to_schema())).decode())
