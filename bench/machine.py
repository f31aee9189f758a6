"""This machine: how fast it is at the moment, what it is, and what a process takes of it."""

import os
import platform
import statistics
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

LOOPS = 1_000_000
TURNS = 5
OFF = 1.25  # a run during which the pace changed by more than this is not counted

LIBRARIES = ("litestar", "uvicorn", "uvloop", "httptools", "asyncpg", "msgspec", "jinja2", "redis", "argon2-cffi")


def calibration() -> float:
    """Milliseconds for a fixed loop of plain Python: how fast this machine is at this moment."""
    return statistics.median(_loop() for _ in range(TURNS))


def _loop() -> float:
    begun, total = perf_counter(), 0
    for number in range(LOOPS):
        total += number & 7
    return (perf_counter() - begun) * 1000


def is_off(before: float, after: float) -> bool:
    return max(before, after) / min(before, after) > OFF


def description() -> dict[str, str]:
    """What the figures were measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": versions,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.processor() or "unknown"


def redis_version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.partition("v=")[2].split()[0]


def memory_of(root: int) -> float:
    """KiB that a process and its children take, shared pages divided among those that share them."""
    return sum(_proportional(pid) for pid in family(root))


def seconds_of(root: int) -> float:
    """Seconds that a process and its children have kept a processor busy since they began."""
    return sum(_ticks(pid) for pid in family(root)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def family(root: int) -> Iterator[int]:
    yield root
    for path in Path(f"/proc/{root}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from family(int(child))


def _proportional(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
