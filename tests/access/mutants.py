"""Every access rule, taken away one at a time: what a slip of the pen would do to the declarations, policies and SQL.

`find` runs the matrix once and notes which guards each call goes through; `Mutant.removed` takes one away while its block
runs, beside others that are away already. A guard is a route's declaration, a function `may_…` or
`refuse_strangers`/`refuse_others`, what a live topic asks, or a comparison in SQL of an owner's column with the actor, the
actor's role or the actor's clinics.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from itertools import count
from types import ModuleType
from typing import Any
from unittest.mock import patch

from portal import db
from portal.accounts.schemas import Role
from portal.live import topics
from portal.web.guards import PUBLIC, Access
from tests.access import declared, verdicts
from tests.access.matrix import Caller
from tests.access.policy import Row, routes
from tests.owner import as_owner

Span = tuple[int, int]
GUARD_NAMES = re.compile(r"may_\w+|refuse_strangers|refuse_others")
OPEN = Access(roles=frozenset(Role), pending=True)
_numbers = count(1)
_away: dict[str, set[Span]] = defaultdict(set)  # comparisons of statements that are taken away at this moment
READERS = ("fetch", "fetch_row", "fetch_value", "execute")
# A comparison is a guard where a condition may stand; `SET held_by = $2` is none.
CONDITION = r"(?P<before>\b(?:WHERE|AND|OR|ON|WHEN|THEN|NOT)\s+|\()"
COMPARED = (
    r"(?P<test>(?:\w+\.)?(?:id|patient_id|doctor_id|account_id|clinic_id|pharmacy_id)\s*=\s*"
    r"(?:ANY\s*\(\s*)?PARAMETER(?:::\w+(?:\[\])?)?(?:\s*\))?)"
)
# A function of ours in which the guards of an action stand.
FUNCTION = re.compile(r"FROM (?P<name>hold_slot|book_slot)\((?P<given>[$\w, ]+)\)")
DEFINED = "SELECT pg_get_functiondef(oid) AS source, proargnames AS parameters FROM pg_proc WHERE proname = $1"
# Which of two values is taken, where everybody gets one.
CHOICE = re.compile(r"\s+THEN\s+[\w.]+\s+ELSE\s+[\w.]+\s+END")
# What the patient has already, and whether the account is active: rules of booking, not of access.
STATE = re.compile(
    r"(FROM appointment b\s+WHERE\s+(b\.id = s\.appointment_id\s+AND\s+)?|account c ON c\.id = p\.account_id\s+WHERE\s+)$"
)


@dataclass(frozen=True)
class Mutant:
    """One guard: `calls` are the rows that pass through it; in SQL, the statement with it and without it."""

    name: str
    calls: frozenset[str]
    removed: Callable[[], Any]
    sql: str = ""
    mutated: str = ""


@dataclass
class Passed:
    """Which calls went through which guard in the run that looked."""

    call: str = ""
    person: Any = None
    functions: dict[Any, set[str]] = None  # type: ignore[assignment]
    statements: dict[tuple[str, int], set[str]] = None  # type: ignore[assignment]
    asked: set[tuple[str, int]] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.functions, self.statements, self.asked = defaultdict(set), defaultdict(set), set()

    def saw(self, sql: str, args: tuple[Any, ...]) -> None:
        """Note which parameters of a statement always say who is acting; others were asked for."""
        actor = self.person.actor if self.person else None
        for number, value in enumerate(args, 1):
            if actor and (value in (actor.id, actor.role.value) or value == list(actor.clinic_ids)):
                self.statements[sql, number].add(self.call)
            else:
                self.asked.add((sql, number))


async def find(caller: Caller, rows: list[Row]) -> list[Mutant]:
    """All guards that the rows pass through; there must be nothing to notice as long as they stand."""
    passed, known = Passed(), routes(caller.app)
    with ExitStack() as watched:
        for function in guard_functions():
            watched.enter_context(replaced(function, noting(function, passed)))
        for name in READERS:
            watched.enter_context(patch.object(db, name, listening(getattr(db, name), passed)))
        for row in rows:
            handler, passed.call = known[row.method, row.path], row.call
            for actor, side in caller.pairs(row, handler):
                passed.person = caller.world.people[actor]
                cell = await caller.cell(row, handler, actor, side)
                assert not cell.complaints, str(cell)
    handlers = {row.call: known[row.method, row.path] for row in rows}
    mine = {at: calls for at, calls in passed.statements.items() if at not in passed.asked}
    return [
        *(declaration(call, handler) for call, handler in handlers.items() if not handler.opt["access"].public),
        *(function_mutant(function, calls) for function, calls in passed.functions.items()),
        *(
            Mutant(name, frozenset(calls), partial(without, sql, at), sql, true_at(sql, [at]))
            for (sql, number), calls in mine.items()
            for name, at in comparisons(sql, rf"\${number}(?!\d)")
        ),
        *[one for (sql, number), calls in mine.items() for one in await function_guards(sql, number, calls)],
    ]


def guard_functions() -> list[Any]:
    """Every guard function of the domains, once, however often it is imported."""
    found, public = {}, [kind.may_listen for kind in topics.kinds().values() if kind.public]
    for module in domain_modules():
        for name, value in vars(module).items():
            if GUARD_NAMES.fullmatch(name) and value not in public and value.__module__ == module.__name__:
                found[f"{module.__name__}.{name}"] = value
    return list(found.values())


def domain_modules() -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if name.startswith("portal.") and module is not None]


@contextmanager
def replaced(function: Any, stand_in: Any) -> Iterator[None]:
    """Another function wherever this one is known, in modules and among the live topics."""
    with ExitStack() as undo:
        for module in domain_modules():
            for name, value in list(vars(module).items()):
                if value is function:
                    undo.enter_context(patch.object(module, name, stand_in))
        for kind in topics.kinds().values():
            if kind.may_listen is function:
                undo.callback(object.__setattr__, kind, "may_listen", function)
                object.__setattr__(kind, "may_listen", stand_in)
        yield


def noting(function: Any, passed: Passed) -> Any:
    """The function, which notes for which calls it is asked."""
    if iscoroutinefunction(function):

        async def ask(*args: Any, **named: Any) -> Any:
            passed.functions[function].add(passed.call)
            return await function(*args, **named)

        return ask

    def ask_now(*args: Any, **named: Any) -> Any:
        passed.functions[function].add(passed.call)
        return function(*args, **named)

    return ask_now


def listening(read: Any, passed: Passed) -> Any:
    async def run(sql: str, *args: Any, **how: Any) -> Any:
        passed.saw(sql, args)
        return await read(sql, *args, **how)

    return run


def declaration(call: str, handler: Any) -> Mutant:
    """A route that lets in whoever is signed in, also those who wait for verification; or everybody, if it did so."""
    wider = PUBLIC if handler.opt["access"] == OPEN else OPEN
    return Mutant(f"declaration of {call}", frozenset({call}), partial(patch.dict, handler.opt, access=wider))


def function_mutant(function: Any, calls: set[str]) -> Mutant:
    """A guard function that says yes to everybody."""

    async def yes(*_args: Any, **_named: Any) -> bool:
        return True

    def yes_now(*_args: Any, **_named: Any) -> bool:
        return True

    stand_in = yes if iscoroutinefunction(function) else yes_now
    return Mutant(f"{function.__module__}.{function.__name__}", frozenset(calls), partial(replaced, function, stand_in))


def comparisons(sql: str, parameter: str) -> Iterator[tuple[str, Span]]:
    """Where a statement compares with one parameter, and a name for what is missing without that."""
    pattern = re.compile(CONDITION + COMPARED.replace("PARAMETER", parameter))
    for found in pattern.finditer(sql):
        start, end = found.span("test")
        if not STATE.search(sql[:start]) and not CHOICE.match(sql, end):
            yield f"SQL …{' '.join(sql[max(0, start - 90) : end + 60].split())}…", (start, end)


def true_at(sql: str, spans: Iterable[Span]) -> str:
    """The statement with comparisons that always hold; from the last to the first, so that none moves another."""
    for start, end in sorted(spans, reverse=True):
        sql = f"{sql[:start]}(true OR {sql[start:end]}){sql[end:]}"
    return sql


async def function_guards(sql: str, number: int, calls: set[str]) -> list[Mutant]:
    """The same for a statement that is a function of the database: a copy of it without each comparison takes its place."""
    called = FUNCTION.search(sql)
    if not called or f"${number}" not in called["given"].split(", "):
        return []
    place = called["given"].split(", ").index(f"${number}")
    made = await db.fetch_row(DEFINED, called["name"])
    assert made is not None
    mutants = []
    for name, span in comparisons(made["source"], rf"{made['parameters'][place]}\b"):
        copy, mutated = f"{called['name']}_{next(_numbers)}", true_at(made["source"], [span])
        await as_owner(mutated.replace(f"FUNCTION public.{called['name']}(", f"FUNCTION public.{copy}(").replace(
            f"{called['name']}.", f"{copy}."))  # fmt: skip
        instead = sql.replace(f"{called['name']}(", f"{copy}(")
        mutants.append(Mutant(name, frozenset(calls), partial(asked_as, {sql: instead}), sql, instead))
    return mutants


@contextmanager
def without(sql: str, span: Span) -> Iterator[None]:
    """Whoever asks this statement asks it without this comparison, and without those that are away already."""
    away = _away[sql]
    away.add(span)
    try:
        with asked_as({sql: true_at(sql, away)}):
            yield
    finally:
        away.remove(span)


@contextmanager
def asked_as(instead: dict[str, str]) -> Iterator[None]:
    """Whoever asks one of these statements asks another one."""
    with ExitStack() as undo:
        for name in READERS:
            undo.enter_context(patch.object(db, name, substituting(getattr(db, name), instead)))
        yield


def substituting(read: Any, instead: dict[str, str]) -> Any:
    async def run(asked: str, *args: Any, **how: Any) -> Any:
        return await read(instead.get(asked, asked), *args, **how)

    return run


async def noticed(caller: Caller, rows: list[Row], mutant: Mutant) -> str:
    """What notices that a guard is gone, or nothing: what was agreed, what policies say, or a cell of the matrix."""
    known = routes(caller.app)
    with mutant.removed():
        if declared.differences(caller.app):
            return "declaration"
        if verdicts.differences():
            return "verdict"
        for row in rows:
            if row.call in mutant.calls:
                for cell in await caller.cells(row, known[row.method, row.path]):
                    if cell.complaints:
                        return str(cell)
    return ""
