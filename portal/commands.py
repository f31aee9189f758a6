"""What the commands of the command line do with the database; `portal serve` alone stands in `serving.py`.

Each command imports what it alone needs.
"""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import click

from portal import db, faults, tracing
from portal.accounts import tokens
from portal.audit.schemas import ChainCheck
from portal.pool import has_demo_accounts, is_migrated
from portal.settings import SettingError, Settings
from portal.web import logs

if TYPE_CHECKING:
    from portal.registration.schemas import NewAdmin

CONNECT_SECONDS = 10


def get_ready(settings: Settings, host: str) -> None:
    """All that must be there before web processes begin. Raises `SettingError`."""
    tokens.use_keys(settings)
    prepare(settings)
    if not settings.is_private(host):
        asyncio.run(refuse_demo_accounts(settings))


def prepare(settings: Settings) -> None:
    """An embedded database follows the program; any other is migrated by `portal migrate`, once a deployment."""
    if settings.embedded:
        from portal.migrations import migrate

        asyncio.run(migrate(settings))
    else:
        asyncio.run(check_database(settings))
    if settings.demo:
        asyncio.run(make_demo(settings))


async def check_database(settings: Settings) -> None:
    """Raises `SettingError` for a database that cannot be used; its text holds no part of the address."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            migrated = await is_migrated(settings.database_url)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise SettingError(f"DATABASE_URL: cannot connect ({type(error).__name__})") from None
    if not migrated:
        raise SettingError("DATABASE_URL: this database has no tables yet; run `portal migrate` first")


async def refuse_demo_accounts(settings: Settings) -> None:
    """Raises `SettingError` where an earlier `--demo` has left people whom everybody can be."""
    if await has_demo_accounts(settings.database_url):
        raise SettingError(
            "--host, PORTAL_BASE_URL: the demo accounts in this database have a known password and are for loopback"
            " addresses only; give this portal another data folder (--data) or database (DATABASE_URL)"
        )


async def make_demo(settings: Settings) -> None:
    """Invented people for an empty portal, over a pool of its own: the web processes open theirs later."""
    from portal import demo

    await db.connect(settings, owner=True)
    try:
        await demo.ensure(settings)
    finally:
        await db.disconnect()


async def work(settings: Settings) -> int:
    """Jobs, schedules and the relay of events, until SIGTERM or SIGINT; the exit code."""
    from portal import heartbeat, live
    from portal.app import background

    logs.configure()
    faults.arm(settings.fault_at, settings.test_faults)
    tokens.use_keys(settings)  # what jobs tell the screens of waiting rooms is sealed
    ended = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(end, ended.set)
    await db.connect(settings)
    try:
        async with (
            tracing.running(settings.otlp_endpoint),
            live.running(settings),
            heartbeat.running(settings, "WORKER"),
            background(settings),
        ):
            click.echo("ready")
            await ended.wait()
    finally:
        await db.disconnect()
    return 0


async def create_admin(settings: Settings, data: "NewAdmin") -> None:
    """The first person who can verify others. Raises `Conflict` for an address that has an account."""
    from portal.migrations import migrate
    from portal.registration.actions import create_system_admin

    if settings.embedded:
        await migrate(settings)
    await db.connect(settings, owner=True)
    try:
        await create_system_admin(data.email, data.password, data.first_name, data.last_name)
    finally:
        await db.disconnect()


async def check_audit(settings: Settings, anchor_files: Sequence[Path]) -> ChainCheck:
    """Walk the audit's chains beside whatever else runs."""
    from portal.audit import queries

    await check_database(settings)
    await db.connect(settings, owner=True)
    try:
        return await queries.check_chains(settings, anchor_files)
    finally:
        await db.disconnect()
