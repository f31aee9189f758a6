"""How many SQL statements something takes, counted where they leave for the database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any
from unittest import mock

from portal import db

SETTING = ("BEGIN", "COMMIT", "ROLLBACK", "SET ")
INTROSPECTION = ("current_setting('jit')", "typeinfo_tree")  # asyncpg learns a type once a connection

_inside: ContextVar[bool] = ContextVar("inside", default=False)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The statements that what is called inside sends, in order; BEGIN and COMMIT are left out.

    What goes on beside it (signs of life, the rounds of the live streams) began earlier and is not counted.

    with counted_statements() as sent:
        await client.get("/doctors")
    assert len(sent) <= 3, sent
    """
    sent: list[str] = []
    acquired = db._acquired

    def note(record: Any) -> None:
        text = record.query.strip()
        if not text.upper().startswith(SETTING) and not any(word in text for word in INTROSPECTION):
            sent.append(record.query)

    @asynccontextmanager
    async def watched() -> AsyncIterator[Any]:
        async with acquired() as conn:
            if not _inside.get():
                yield conn
                return
            conn.add_query_logger(note)
            try:
                yield conn
            finally:
                await asyncio.sleep(0)  # asyncpg tells its loggers in the next turn of the loop
                conn.remove_query_logger(note)

    token = _inside.set(True)
    try:
        with mock.patch.object(db, "_acquired", watched):
            yield sent
    finally:
        _inside.reset(token)
