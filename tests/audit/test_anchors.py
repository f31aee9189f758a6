"""The anchor files: one line when something changed, in both places, and what is done to a file shows."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from portal.audit import anchors
from portal.settings import Settings

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    second = tmp_path / "second"
    second.mkdir()
    return Settings(data=tmp_path / "data", audit_anchor=str(second))


def heads(seq: int, kind: str = "") -> anchors.Heads:
    return [(chain, seq, sha256(f"{kind}{chain}:{seq}".encode()).digest()) for chain in range(16)]


def write(settings: Settings, *seqs: int) -> list[Path]:
    """A line a minute; the files."""
    for seq in seqs:
        anchors.write(settings, AT + timedelta(minutes=seq), heads(seq))
    return [path for folder in anchors.places(settings) for path in folder.iterdir()]


def test_every_place_has_every_line_for_its_owner_only(settings: Settings) -> None:
    files = write(settings, 1, 2, 3)
    assert [len(path.read_text().splitlines()) for path in files] == [3, 3]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    found = anchors.read(settings)
    assert (found.lines, found.newest, found.faults) == (6, AT + timedelta(minutes=3), [])
    assert [seq for seq, _ in found.heads[0]] == [1, 2, 3, 1, 2, 3]


def test_two_processes_at_once_keep_the_order_of_lines(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda seq: write(settings, seq), range(1, 60)))
    found = anchors.read(settings)
    assert (found.lines, found.faults) == (2 * 59, [])


def test_nothing_is_written_when_nothing_has_changed(settings: Settings) -> None:
    write(settings, 1)
    anchors.write(settings, AT + timedelta(minutes=9), heads(1))
    assert anchors.read(settings).lines == 2


def test_a_place_that_is_away_does_not_keep_the_other_from_its_line(settings: Settings) -> None:
    away = replace(settings, audit_anchor=str(settings.data / "not mounted"))
    assert anchors.write(away, AT, heads(1)) == 1
    assert anchors.read(away).lines == 1 and not (settings.data / "not mounted").exists()


def test_a_file_that_was_changed_shows(settings: Settings) -> None:
    path = write(settings, 1, 2, 3)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    assert anchors.read(settings).faults == [f"{path.name}:2"]
    other = json.loads(lines[1])
    other["heads"][0] = [0, 2, "AAAA"]
    path.write_bytes(lines[0] + json.dumps(other).encode() + b"\n" + lines[2])
    assert anchors.read(settings).faults == [f"{path.name}:2"]
    assert (0, 2, b"\0\0\0") not in anchors.read(settings).heads[0]


def test_lines_of_other_keys_are_not_believed(settings: Settings, tmp_path: Path) -> None:
    write(settings, 1)
    stranger = replace(settings, keys="", data=tmp_path / "stranger")
    found = anchors.read(stranger, [*(settings.data / "audit-anchor").iterdir()])
    assert len(found.faults) == 2 and not found.heads


def test_a_line_torn_by_a_power_cut_is_passed_over(settings: Settings) -> None:
    path = write(settings, 1)[0]
    with path.open("ab") as file:
        file.write(b'{"at":"2026-')
    write(settings, 2)
    found = anchors.read(settings)
    assert (found.lines, found.faults) == (4, [])
    assert len(path.read_bytes().splitlines()) == 3


def test_a_restore_excuses_the_rows_that_it_lost_and_no_others(settings: Settings) -> None:
    write(settings, 1, 2, 3, 4)
    after = [(chain, 3, b"new") for chain in range(16)]
    anchors.write(settings, AT + timedelta(minutes=5), after, restored=[(chain, 2) for chain in range(16)])
    kept = anchors.read(settings).heads[0]
    assert sorted({seq for seq, _ in kept}) == [1, 2, 3]
    assert {digest for seq, digest in kept if seq == 3} == {b"new"}


def test_years_of_lines_are_thinned_to_what_fits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "MOST", 10)
    write(settings, *range(1, 41))
    kept = [seq for seq, _ in anchors.read(replace(settings, audit_anchor="")).heads[3]]
    assert len(kept) <= 11 and kept[0] == 1 and kept[-1] == 40


def test_each_month_has_its_file(settings: Settings) -> None:
    write(settings, 1)
    anchors.write(settings, AT + timedelta(days=20), heads(2))
    names = sorted(path.name[-13:] for path in (settings.data / "audit-anchor").iterdir())
    assert names == ["2026-11.jsonl", "2026-12.jsonl"]
    assert anchors.read(settings).faults == []
