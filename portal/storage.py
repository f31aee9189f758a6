"""Where files are kept: below the data folder, or in S3 (`PORTAL_STORAGE=s3://bucket/prefix`); the same calls for both.

    async with storage.kept("files", content, "image/png") as key:
        async with db.transaction():
            …write a row that names the key…

A file is written before the transaction, never inside it, and taken away when the block is refused. When it is not known
whether the transaction stands (a lost connection, a killed process) the file stays: `remove_orphans`, run by a job of the
domain that owns the area, takes away what no row names a day later. Keys are ours, never what anybody has typed.
"""

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from portal.errors import DomainError, NotFound, Unavailable
from portal.ids import uuid7
from portal.settings import Settings

logger = logging.getLogger(__name__)

FOLDER = "files"
KEY = re.compile(r"[a-z][a-z-]{0,31}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}){1,4}")
ORPHAN_SECONDS = 24 * 3600  # longer than any request or job works on one file
BATCH = 500
LONGEST = 64 * 1024 * 1024  # bytes of one file; what is longer is kept in pieces

Known = Callable[[list[str]], Awaitable[set[str]]]


class Found(NamedTuple):
    """One file as a listing shows it."""

    key: str
    changed_at: float  # seconds since 1970, by the clock of whatever keeps it


class Store(Protocol):
    """Disk or S3; every call blocks, and runs in a thread."""

    def put(self, key: str, content: bytes, media_type: str) -> None: ...
    def get(self, key: str) -> bytes: ...
    def remove(self, key: str) -> None: ...
    def find(self, area: str) -> Iterator[Found]: ...


class Disk:
    """A folder. A file appears whole under its name or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, content: bytes, media_type: str) -> None:
        target = self._root / key
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as file:  # mode 0600
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        folder = os.open(target.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def get(self, key: str) -> bytes:
        try:
            return (self._root / key).read_bytes()
        except FileNotFoundError:
            raise NotFound from None

    def remove(self, key: str) -> None:
        (self._root / key).unlink(missing_ok=True)

    def find(self, area: str) -> Iterator[Found]:
        for path in (self._root / area).rglob("*"):
            with suppress(FileNotFoundError):  # taken away meanwhile
                if path.is_file():
                    yield Found(str(path.relative_to(self._root)), path.stat().st_mtime)


class Bucket:
    """A bucket of S3, or of whatever speaks like it (`AWS_ENDPOINT_URL_S3`). Credentials come from the usual AWS chain."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._bucket, prefix = parts.netloc, parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    @cached_property
    def _client(self) -> Any:
        import boto3  # a second of work and much memory, for those alone who use it
        from botocore.config import Config

        retries = {"mode": "standard", "total_max_attempts": 3}
        config = Config(connect_timeout=3, read_timeout=20, retries=retries, max_pool_connections=32)
        return boto3.session.Session().client("s3", config=config)

    def put(self, key: str, content: bytes, media_type: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content, ContentType=media_type)

    def get(self, key: str) -> bytes:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        except self._client.exceptions.NoSuchKey:
            raise NotFound from None
        content: bytes = answer["Body"].read()
        return content

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def find(self, area: str) -> Iterator[Found]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}{area}/"):
            for one in page.get("Contents", ()):
                yield Found(one["Key"].removeprefix(self._prefix), one["LastModified"].timestamp())


_store: Store | None = None


def use(settings: Settings) -> None:
    """At start: where the files of this process are."""
    global _store
    _store = Bucket(settings.storage) if settings.storage else Disk(settings.data / FOLDER)


async def put(key: str, content: bytes, media_type: str) -> None:
    """Keep a file under a key of ours. Raises `Unavailable`."""
    if not KEY.fullmatch(key) or len(content) > LONGEST:
        raise ValueError("not a key, or longer than a file may be")
    await _asked("put", key, content, media_type)


async def get(key: str) -> bytes:
    """The content of a file. Raises `NotFound` or `Unavailable`."""
    content: bytes = await _asked("get", key)
    return content


async def remove(key: str) -> None:
    """Take a file away; one that is not there is no matter. Raises `Unavailable`."""
    await _asked("remove", key)


@asynccontextmanager
async def kept(area: str, content: bytes, media_type: str) -> AsyncIterator[str]:
    """A new file, and its key for the block to write down; it does not stay when the block is refused."""
    key = f"{area}/{uuid7()}"
    await put(key, content, media_type)
    try:
        yield key
    except DomainError as refused:
        if refused.status < 500:  # else nobody knows what has become of the transaction
            with suppress(Unavailable):  # then it is an orphan, which is found later
                await remove(key)
        raise


async def remove_orphans(area: str, known: Known, seconds: float = ORPHAN_SECONDS) -> int:
    """Take away the files of an area that are older than `seconds` and that `known` does not give back; how many.

    Where rows and files are restored from different moments, files are older than the rows that name them, never newer.
    """
    before = time.time() - seconds
    old = [one.key for one in await _asked("find", area) if one.changed_at < before]
    removed = 0
    for start in range(0, len(old), BATCH):
        batch = old[start : start + BATCH]
        for key in set(batch) - await known(batch):
            await remove(key)
            removed += 1
    return removed


async def _asked(what: str, *args: Any) -> Any:
    if _store is None:
        raise Unavailable
    try:
        return await asyncio.to_thread(_done, getattr(_store, what), *args)
    except DomainError:
        raise
    except Exception as error:
        if not _is_of_storage(error):
            raise
        logger.warning("the storage of files failed at %s (%s)", what, type(error).__name__)
        raise Unavailable from error


def _done(call: Callable[..., Any], *args: Any) -> Any:
    answer = call(*args)
    return list(answer) if isinstance(answer, Iterator) else answer


def _is_of_storage(error: Exception) -> bool:
    """A full disk, a lost network, a refusal of S3; its exceptions are known only where it is used."""
    return isinstance(error, OSError) or type(error).__module__.startswith("botocore")
