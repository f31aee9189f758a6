"""A back-up that is damaged, cut short, of other keys or of another version is reported, and nothing is changed."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from portal.backup import BackupError, archive, restoring, saving
from portal.backup.archive import Manifest
from portal.embedded import client_program
from portal.settings import Settings
from tests import catalogue
from tests.backup.conftest import Machine, NewMachine

pytestmark = [pytest.mark.anyio, pytest.mark.H8]


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(saved, tmp_path / "copy.zip"))


def flip(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << position % 8]))


def is_reported(path: Path, key: bytes) -> bool:
    """What a restore looks at before it touches the database."""
    try:
        with archive.reading(path) as (found, manifest):
            archive.check_signature(path, found, manifest, key)
    except BackupError as error:
        return "\n" not in str(error)
    return False


async def test_any_flipped_byte_and_any_cut_is_reported(old: Machine, copy: Path) -> None:
    """A few hundred places of the file; the twin, PostgreSQL's own program on the same dump, misses some."""
    key, size, rng = archive.key_of(old.settings), copy.stat().st_size, random.Random(8)
    assert not is_reported(copy, key)
    places = [0, 1, 30, size - 1, size - 64, size - 65, size - 100, *(rng.randrange(size) for _ in range(300))]
    unreported = []
    for position in places:
        flip(copy, position)
        if not is_reported(copy, key):
            unreported.append(position)
        flip(copy, position)
    assert unreported == [] and not is_reported(copy, key)
    cuts = [0, 1, 3, 63, 64, 100, size // 2, size - 64, size - 1]
    for length in cuts:
        (shorter := copy.with_name("cut.zip")).write_bytes(copy.read_bytes()[:length])
        assert is_reported(shorter, key), length
    unseen, tried = twin_misses(copy, rng)
    assert unseen > 0, "pg_restore alone must miss some, or the seal earns nothing"
    catalogue.figure(
        "H8", f"{len(places)} flipped bytes and {len(cuts)} cuts: all reported; pg_restore alone misses {unseen} of {tried}"
    )  # fmt: skip


def twin_misses(saved: Path, rng: random.Random) -> tuple[int, int]:
    """How often pg_restore reads a dump with a flipped byte to its end without a word."""
    dump, tried = saved.with_name("twin.dump"), 20
    with ZipFile(saved) as found:
        dump.write_bytes(found.read(archive.DATABASE))
    unseen = 0
    for _ in range(tried):
        position = rng.randrange(dump.stat().st_size)
        flip(dump, position)
        read = subprocess.run(
            [client_program("pg_restore"), "--file=/dev/null", dump], capture_output=True, check=False
        )
        unseen += read.returncode == 0
        flip(dump, position)
    return unseen, tried


def rewritten(path: Path, settings: Settings, **changes: object) -> None:
    """The same back-up with another manifest, signed and sealed as if it had been made so."""
    with ZipFile(path) as found:
        manifest = msgspec.json.decode(found.read(archive.MANIFEST), type=Manifest)
        parts = {name: found.read(name) for name in manifest.parts}
    with archive.writing(path) as writer:
        for name, content in parts.items():
            writer.add(name, lambda part, content=content: part.write(content))
        writer.finish(msgspec.structs.replace(manifest, **changes), archive.key_of(settings))


def newer_version(path: Path, machine: Machine) -> None:
    with ZipFile(path) as found:
        known = msgspec.json.decode(found.read(archive.MANIFEST), type=Manifest).migrations
    rewritten(path, machine.settings, version="9.9", migrations=[*known, "2031-01-01T00:00:00"])


def other_format(path: Path, machine: Machine) -> None:
    rewritten(path, machine.settings, format=7)


def newer_program(path: Path, machine: Machine) -> None:
    rewritten(path, machine.settings, program=99)


def newer_server(path: Path, machine: Machine) -> None:
    rewritten(path, machine.settings, server=99)


def other_part(path: Path, machine: Machine) -> None:
    rewritten(path, machine.settings, parts={archive.DATABASE: "0" * 64})


def other_keys(_path: Path, machine: Machine) -> None:
    machine.keys.unlink()  # the command makes new ones


def cut_short(path: Path, _machine: Machine) -> None:
    os.truncate(path, path.stat().st_size // 2)


def no_zip(path: Path, _machine: Machine) -> None:
    path.write_text("SELECT 1;" * 20)


def not_there(path: Path, _machine: Machine) -> None:
    path.unlink()


HARM: dict[Callable[[Path, Machine], None], str] = {
    newer_version: "made by version 9.9, newer than this one",
    other_format: "made in format 7",
    newer_program: "written by pg_dump 99",
    newer_server: "of PostgreSQL 99",
    other_part: "its parts are not those of its manifest",
    other_keys: "signed with other keys",
    cut_short: "damaged or cut short",
    no_zip: "this is no back-up",
    not_there: "cannot be read",
}


@pytest.mark.parametrize("harm", HARM, ids=lambda one: one.__name__)
async def test_it_is_told_in_one_line_and_nothing_changes(
    harm: Callable[[Path, Machine], None], copy: Path, new_machine: NewMachine
) -> None:
    machine = await new_machine()
    harm(copy, machine)
    with pytest.raises(BackupError) as told:
        await restoring.restore(machine.settings, copy)
    assert HARM[harm] in str(told.value) and len(str(told.value).splitlines()) == 1
    assert await machine.tables() == 0


async def test_lost_keys_are_no_lost_data(copy: Path, new_machine: NewMachine) -> None:
    machine = await new_machine()
    machine.keys.unlink()
    done = await restoring.restore(machine.settings, copy, lost_keys=True)
    assert done.check.whole and done.check.anchors == 1 and not done.wrong_counts


async def test_a_dump_that_breaks_half_way_changes_nothing(copy: Path, old: Machine, new_machine: NewMachine) -> None:
    """Sealed and signed, and yet PostgreSQL cannot read it to its end: all of it is taken back."""
    with ZipFile(copy) as found:
        dump = found.read(archive.DATABASE)
        manifest = msgspec.json.decode(found.read(archive.MANIFEST), type=Manifest)
    with archive.writing(copy) as writer:
        writer.add(archive.DATABASE, lambda part: part.write(dump[: len(dump) * 2 // 3]))
        manifest.parts = writer.parts
        writer.finish(manifest, archive.key_of(old.settings))
    machine = await new_machine()
    done = machine.run("restore", str(copy))
    assert done.returncode == 1 and "pg_restore: " in done.stderr and len(done.stderr.splitlines()) == 1
    assert await machine.tables() == 0


async def test_a_back_up_that_cannot_be_written_leaves_no_file(
    old: Machine, new_machine: NewMachine, tmp_path: Path
) -> None:
    there = tmp_path / "missing" / "portal.zip"
    with pytest.raises(BackupError, match="cannot be written"):
        await saving.back_up(old.settings, there)
    empty = await new_machine()
    with pytest.raises(BackupError, match="nothing to save"):
        await saving.back_up(empty.settings, tmp_path / "empty.zip")
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


async def test_a_full_disk_is_told_in_one_line(old: Machine, tmp_path: Path) -> None:
    """Here no file may grow beyond 20 kB."""
    there, portal = tmp_path / "portal.zip", Path(sys.executable).with_name("portal")
    given = {"DATABASE_URL": old.settings.database_url, "PORTAL_DATA": str(old.settings.data)}
    command = ["bash", "-c", f"ulimit -f 20; exec {portal} backup {there}"]
    done = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "cannot be written (File too large)" in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and list(tmp_path.iterdir()) == []
