"""The rules of the house, read off the syntax trees: whoever breaks one is told here, with the line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PORTAL = ROOT / "portal"

# Domains may import those to their left, never those to their right.
ORDER = [
    "accounts", "credentials", "registration", "preferences", "specialties", "people", "clinics", "pharmacies",
    "records", "search", "audit", "notifications", "walls", "slots", "schedules", "appointments", "booking", "referrals",
    "repairs", "video", "queues", "waitlist", "emergencies", "chat", "visits", "recordings", "catalogue", "inventory",
    "stocktakes", "prescriptions", "refills", "pads", "dispensing", "recalls", "integrations", "fhir", "analytics",
    "operation", "admin",
]  # fmt: skip
# What every domain may stand on, and which knows no domain but accounts.
# Operation (counts, traces, signs of life, checks) is used everywhere and asks nobody.
GROUND = {
    "settings", "db", "dberrors", "pool", "acting", "errors", "ids", "clock", "outbox", "live", "web", "migrations",
    "embedded", "piccolo_app", "faults", "metrics", "tracing", "liveness", "heartbeat", "checks",
    "storage", "replica",
}  # fmt: skip
# The audit is written by all domains; it stands on accounts alone.
FOR_ALL = {"accounts", "audit", "notifications"}
TOP = {"app", "cli", "commands", "serving", "supervising", "worker", "demo", "backup", "origin"}
FILES = {
    "__init__", "tables", "schemas", "policy", "queries", "actions", "events", "pages", "api", "jobs",
}  # fmt: skip

CALCULATIONS = {
    "tokens", "keys", "passwords", "browsers", "profiles", "calendar", "broker", "transitions", "statements", "making",
    "refusals", "numbers", "doses", "mails", "ical", "weeks", "rushes", "chains", "anchors", "states", "figures",
    "estimates", "boards", "readings", "rooms", "doors", "uploads", "arrivals", "ledger", "spreadsheets", "papers", "words",
}  # fmt: skip

SOURCES = sorted(PORTAL.rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def domain(path: Path) -> str:
    return path.relative_to(PORTAL).parts[0].removesuffix(".py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, also inside functions, `from a import b` as both `a` and `a.b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def of_domains() -> list[Path]:
    return [path for path in SOURCES if domain(path) in ORDER]


def test_files_have_the_names_of_the_house() -> None:
    strange = [name(p) for p in of_domains() if p.parent.parent == PORTAL and not _known(p.stem)]
    assert not strange, f"file names that no domain has: {strange}"
    unknown = {domain(p) for p in SOURCES} - set(ORDER) - GROUND - TOP - {"__init__", "locale"}
    assert not unknown, f"domains that are not in ORDER: {unknown}"


def _known(stem: str) -> bool:
    """The fixed names; a domain's own calculation or helper may stand beside them when actions or queries need it."""
    return stem in FILES or stem in CALCULATIONS


def test_domains_import_in_one_order() -> None:
    wrong = []
    for path in of_domains():
        own = domain(path)
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] != "portal" or len(parts) < 2 or parts[1] == own:
                continue
            other = parts[1]
            if other in TOP:
                wrong.append(f"{name(path)}:{line} imports {module}")
            elif other in ORDER and other not in FOR_ALL and ORDER.index(other) > ORDER.index(own):
                wrong.append(f"{name(path)}:{line} imports {module}, which stands to its right")
    assert not wrong, "\n".join(wrong)


def test_the_ground_knows_no_domain_but_accounts() -> None:
    allowed = {*GROUND, "accounts", "__version__"}
    wrong = [
        f"{name(path)}:{line} imports {module}"
        for path in SOURCES
        if domain(path) in GROUND
        for line, module in imports(path)
        if module.startswith("portal.") and module.split(".")[1] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_faces_do_not_reach_past_their_actions() -> None:
    forbidden = re.compile(r"^(piccolo|asyncpg)\b|^portal\.(db|outbox)\b|^portal\.\w+\.tables\b")
    wrong = [
        f"{name(path)}:{line} imports {module}"
        for path in of_domains()
        if path.stem in {"pages", "api"}
        for line, module in imports(path)
        if forbidden.match(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_actions_do_not_know_the_web_framework() -> None:
    wrong = [
        f"{name(path)}:{line} imports {module}"
        for path in of_domains()
        if path.stem not in {"pages", "api", "__init__"}
        for line, module in imports(path)
        if module.split(".")[0] in {"litestar", "starlette", "uvicorn"}
    ]
    assert not wrong, "\n".join(wrong)


def test_policy_and_schemas_are_pure() -> None:
    wrong = []
    for path in of_domains():
        if path.stem not in {"policy", "schemas"}:
            continue
        wrong += [
            f"{name(path)}:{line} imports {module}"
            for line, module in imports(path)
            if re.match(
                r"^(piccolo|asyncpg|litestar)\b|^portal\.(db|live|outbox)\b|.*\.(tables|queries|actions)$", module
            )
        ]
        wrong += [
            f"{name(path)}:{n.lineno} is async" for n in ast.walk(tree(path)) if isinstance(n, ast.AsyncFunctionDef)
        ]
    assert not wrong, "\n".join(wrong)


def test_helpers_inside_a_transaction_say_so() -> None:
    """A function that calls an `_in_tx` helper opens the transaction itself, or carries the suffix too."""
    wrong = []
    for path in of_domains():
        if path.stem == "jobs":
            continue
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.AsyncFunctionDef) or node.name.endswith("_in_tx"):
                continue
            text = ast.unparse(node)
            if re.search(r"_in_tx\(", text) and "transaction()" not in text:
                wrong.append(f"{name(path)}:{node.lineno} {node.name} calls an _in_tx helper without a transaction")
    assert not wrong, "\n".join(wrong)


FORBIDDEN = [
    (r"\.save\(", "uploads.py", "saving a loaded row writes every column: use a guarded update"),
    (r"\bdatetime\.(now|utcnow|today)\(", "clock.py", "ask portal.clock, or the database"),
    (r"\bdate\.today\(", "clock.py", "ask portal.clock, or the database"),
    (r"\bDB\.transaction\(", "db.py", "transactions are opened by db.transaction()"),
    (r"pg_notify|\bNOTIFY\b", "…", "live events go through live.publish"),
    (r"\|\s*safe\b", "…", "autoescape stays on"),
]


@pytest.mark.parametrize(("pattern", "home", "why"), FORBIDDEN)
def test_forbidden_words(pattern: str, home: str, why: str) -> None:
    texts = [*SOURCES, *(ROOT / "templates").rglob("*.html")]
    wrong = [
        f"{name(path)}:{number}: {why}"
        for path in texts
        if path.name != home
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_tasks_and_no_gather_in_actions() -> None:
    wrong = [
        f"{name(path)}:{number}"
        for path in of_domains()
        if path.stem == "actions"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b(gather|create_task|TaskGroup)\(", line)
    ]
    assert not wrong, f"tasks leave the transaction behind: {wrong}"


SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b\s")


def test_sql_is_never_put_together_from_values() -> None:
    """No f-string, `%` or `.format` with SQL in it, in the product or its migrations."""
    wrong = []
    for path in [*SOURCES, *(ROOT / "migrations").glob("*.py")]:
        for node in ast.walk(tree(path)):
            text = None
            if isinstance(node, ast.JoinedStr):
                text = "".join(v.value for v in node.values if isinstance(v, ast.Constant) and isinstance(v.value, str))
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
                text = str(node.left.value)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
                text = ast.unparse(node.func.value)
            if text and SQL.search(text):
                wrong.append(f"{name(path)}:{node.lineno}")
    assert not wrong, f"SQL from values: {wrong}"


def test_sizes() -> None:
    """Files of at most 300 lines, functions of at most 60."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    long_files = [
        f"{name(p)} has {n} lines" for p in [*SOURCES, *tests] if (n := len(p.read_text().splitlines())) > 300
    ]
    long_functions = [
        f"{name(path)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 60
    ]
    assert not long_files + long_functions, "\n".join(long_files + long_functions)


def test_public_functions_say_what_they_mean() -> None:
    """Actions and queries are read most: each public one has a docstring."""
    silent = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in of_domains()
        if path.stem in {"actions", "queries", "policy"}
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(silent)


def test_templates_have_no_inline_code() -> None:
    wrong = []
    for path in (ROOT / "templates").rglob("*.html"):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\sstyle=|\son[a-z]+=|hx-on|hx-vals=['\"]js:|javascript:", line):
                wrong.append(f"{name(path)}:{number}: {line.strip()[:80]}")
    assert not wrong, "\n".join(wrong)
