"""The command line."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from portal import serving
from portal.audit.schemas import ChainCheck, Harm
from portal.backup import BackupError
from portal.errors import DomainError
from portal.settings import SettingError, Settings
from portal.web import logs


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the operator can mend is said in one line, with exit code 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SettingError as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        except BackupError as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        except DomainError as error:
            click.echo(error.detail, err=True)
            sys.exit(1)

    return run


HARMS = {
    Harm.CHANGED: "changed after it was written",
    Harm.UNLINKED: "the second does not follow the first: one of them was written anew or put in",
    Harm.MISSING: "removed",
    Harm.INSERTED: "put in from outside",
    Harm.CUT: "removed from the end of the chain",
    Harm.REWRITTEN: "written anew from one of these rows on: an anchor says otherwise",
}


def described(check: ChainCheck) -> Iterator[str]:
    """What a check of the audit found, a line each."""
    when = f", the newest of {check.anchored_at:%Y-%m-%d %H:%M} UTC" if check.anchored_at else ""
    verdict = "as they were written" if check.whole else "NOT as they were written"
    yield f"{check.rows} rows are {verdict}; compared with {check.anchors} anchor{'s' * (check.anchors != 1)}{when}"
    for one in check.breaks:
        rows = f"row {one.seq}" if one.seq == one.until else f"rows {one.seq} to {one.until}"
        yield f"chain {one.chain}, {rows}: {HARMS[one.harm]}"
    for fault in check.anchor_faults:
        yield f"anchor {fault}: not as this portal wrote it, or the line before it was removed"


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
    from portal import commands

    settings = Settings.from_env()
    if not settings.database_url:
        raise SettingError("DATABASE_URL: the embedded portal runs its jobs inside `portal serve`")
    sys.exit(asyncio.run(commands.work(settings)))


@main.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@plainly
def demo(data: Path | None) -> None:
    """Fill an empty portal with invented people, without serving it; loopback only."""
    from portal import commands

    environ = serving.environment(dict(os.environ), data=data, demo=True)
    with serving.database(Settings.from_env(environ)) as settings:
        commands.prepare(settings)
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
    from portal import commands
    from portal.registration.schemas import NewAdmin
    from portal.web.forms import fill

    given = [("email", email), ("password", password), ("first_name", first_name), ("last_name", last_name)]
    form = fill(given, NewAdmin)
    if form.data is None:
        raise SettingError("; ".join(f"{one.field}: {one.message}" for one in form.errors))
    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        asyncio.run(commands.create_admin(settings, form.data))
    click.echo(f"{form.data.email} can sign in as a system admin")


@main.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@plainly
def back_up(file: Path, data: Path | None) -> None:
    """Save everything but the keys into FILE, while the portal goes on working."""
    from portal.backup import saving

    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        manifest = asyncio.run(saving.back_up(settings, file))
    click.echo(f"{sum(manifest.counts.values())} rows of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC are in {file}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@click.option("--lost-keys", is_flag=True, help="Take a back-up of other keys: the portal's own are gone for good.")
@plainly
def restore(file: Path, data: Path | None, lost_keys: bool) -> None:
    """Put the back-up FILE into an empty database, and check it."""
    from portal.backup import restoring

    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        done = asyncio.run(restoring.restore(settings, file, lost_keys=lost_keys))
    for line in [*restoring.described(done), *described(done.check)]:
        click.echo(line)
    if not done.check.whole or done.wrong_counts:
        sys.exit(1)


@main.command()
@click.argument("what", type=click.Choice(["events", "mails"]))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@plainly
def release(what: str, data: Path | None) -> None:
    """Send what a restore has held back because it may have been sent before."""
    from portal.backup import restoring

    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        click.echo(f"{asyncio.run(restoring.release(settings, what))} {what} will be sent")


@main.group()
def audit() -> None:
    """Look after the audit."""


@audit.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder [PORTAL_DATA, ./var].")
@click.option(
    "--anchor", "anchor_files", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An anchor file of another host or place; may be given more than once.",
)  # fmt: skip
@plainly
def verify(data: Path | None, anchor_files: tuple[Path, ...]) -> None:
    """Check that the audit is as it was written. Ends with 0 when it is, 1 when not, 2 when no anchor was found."""
    from portal import commands

    with serving.database(Settings.from_env(serving.environment(dict(os.environ), data=data))) as settings:
        check = asyncio.run(commands.check_audit(settings, anchor_files))
    for line in described(check):
        click.echo(line)
    if not check.whole:
        sys.exit(1)
    if check.rows and not check.anchors:
        raise SettingError("no anchor to compare with: a cut end or a chain that was computed anew would not show")


@main.command()
@plainly
def openapi() -> None:
    """Print the OpenAPI document of the JSON API."""
    from litestar.serialization import encode_json

    from portal.app import create_app
    from portal.web.openapi import document

    app = create_app(Settings.from_env())
    click.echo(msgspec.json.format(encode_json(document(app))).decode())
