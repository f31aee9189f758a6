"""Files on disk and in S3: the same promises, kept by both."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from portal import storage
from portal.errors import Conflict, NotFound, Unavailable
from portal.settings import SettingError, Settings
from tests.storage import s3

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 40
SETTINGS = Settings(base_url="http://127.0.0.1:8000", data=Path("nowhere"))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.S3]:
    with s3.running() as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        storage.use(replace(SETTINGS, storage="s3://care-files/of/this portal".replace(" ", "-")))
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    storage.use(replace(SETTINGS, data=tmp_path))
    return tmp_path / "files"


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest) -> object:
    return request.getfixturevalue(request.param)


async def nothing(_keys: list[str]) -> set[str]:
    return set()


@pytest.mark.usefixtures("place")
async def test_a_file_comes_back_as_it_was_and_goes() -> None:
    await storage.put("files/one", CONTENT, "image/png")
    assert await storage.get("files/one") == CONTENT
    await storage.put("files/one", b"newer", "image/png")
    assert await storage.get("files/one") == b"newer"
    await storage.remove("files/one")
    await storage.remove("files/one")
    with pytest.raises(NotFound):
        await storage.get("files/one")


@pytest.mark.usefixtures("place")
async def test_a_refused_block_leaves_nothing_behind_and_an_unclear_one_leaves_the_file() -> None:
    async with storage.kept("files", CONTENT, "application/pdf") as first:
        pass
    with pytest.raises(Conflict):
        async with storage.kept("files", CONTENT, "application/pdf") as second:
            raise Conflict("wrong_status", "no")
    with pytest.raises(Unavailable):  # the commit's answer was lost: the row may be there
        async with storage.kept("files", CONTENT, "application/pdf") as third:
            raise Unavailable
    assert await storage.get(first) == await storage.get(third) == CONTENT
    with pytest.raises(NotFound):
        await storage.get(second)


async def test_orphans_go_when_they_are_old_and_nobody_names_them(place: object) -> None:
    keys = [f"files/{number}" for number in range(5)]
    for key in [*keys, "recordings/of-another-domain"]:
        await storage.put(key, CONTENT, "image/png")
    hour_ago = time.time() - 3600
    for key in keys[:4]:
        if isinstance(place, Path):
            os.utime(place / key, (hour_ago, hour_ago))
        else:
            place.ages[f"care-files/of/this-portal/{key}"] = hour_ago  # type: ignore[attr-defined]

    async def known(asked: list[str]) -> set[str]:
        assert set(asked) == set(keys[:4])
        return {keys[0]}

    assert await storage.remove_orphans("files", known, seconds=1800) == 3
    assert await storage.get(keys[0]) == await storage.get(keys[4]) == CONTENT
    assert await storage.get("recordings/of-another-domain") == CONTENT
    for key in keys[1:4]:
        with pytest.raises(NotFound):
            await storage.get(key)


async def test_on_disk_a_file_is_for_the_portal_alone_and_never_half_there(folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    await storage.put("files/one", CONTENT, "image/png")
    assert (folder / "files/one").stat().st_mode & 0o777 == 0o600
    assert (folder / "files").stat().st_mode & 0o777 == 0o700

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable):
        await storage.put("files/two", CONTENT, "image/png")
    assert [path.name for path in (folder / "files").iterdir()] == ["one"]


@pytest.mark.parametrize(
    "key", ["../keys.json", "files/../../x", "/etc/passwd", "files/.part", "files", "files/a\0b", "f//x", ""]
)
async def test_a_key_leads_nowhere_else(folder: Path, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await storage.put(key, CONTENT, "image/png")
    assert not folder.exists()


async def test_s3_is_asked_with_signed_requests_under_the_prefix(bucket: s3.S3) -> None:
    async with storage.kept("files", CONTENT, "image/webp") as key:
        pass
    assert await storage.get(key) == CONTENT
    await storage.remove(key)
    at = f"care-files/of/this-portal/{key}"
    assert bucket.asked == [f"PUT {at}", f"GET {at}", f"DELETE {at}"]
    assert not bucket.refused


async def test_s3_that_fails_for_a_moment_is_asked_again_and_then_given_up(bucket: s3.S3) -> None:
    bucket.fail = 2
    await storage.put("files/one", CONTENT, "image/png")
    bucket.fail = 3
    with pytest.raises(Unavailable):
        await storage.put("files/two", CONTENT, "image/png")
    assert list(bucket.objects) == ["care-files/of/this-portal/files/one"]


async def test_s3_with_wrong_credentials_is_unavailable(bucket: s3.S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    storage.use(replace(SETTINGS, storage="s3://care-files"))
    with pytest.raises(Unavailable):
        await storage.put("files/one", CONTENT, "image/png")
    assert bucket.refused and not bucket.objects


@pytest.mark.parametrize("value", ["s3://", "http://bucket", "bucket", "s3://UPPER", "s3://b/../x?y", "s3://a b"])
def test_a_place_that_cannot_be_used_stops_the_start(value: str) -> None:
    with pytest.raises(SettingError, match="PORTAL_STORAGE"):
        Settings.from_env({"PORTAL_STORAGE": value})
    assert Settings.from_env({"PORTAL_STORAGE": "s3://care-files/a/b"}).storage == "s3://care-files/a/b"
