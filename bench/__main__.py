"""`make bench`: every measurement on a private PostgreSQL, each next to its bare twin. Only ratios mean anything."""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from portal.embedded import EmbeddedPostgres

LOOPS = 3_000_000


def calibration() -> float:
    """Seconds for a fixed loop of plain Python: how fast this machine is at this moment."""
    begun = perf_counter()
    total = 0
    for number in range(LOOPS):
        total += number & 7
    return perf_counter() - begun


def main() -> int:
    before = calibration()
    with tempfile.TemporaryDirectory(prefix="care-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            print(
                "The doctors' search, 50,000 doctors, 16 clients, 2 workers; client, servers and PostgreSQL share the machine"
            )
            result = subprocess.run([sys.executable, "-m", "bench.search", server.url, *sys.argv[1:]], check=False)
        finally:
            server.stop()
    after = calibration()
    print(f"calibration: {before:.2f} s before, {after:.2f} s after")
    if abs(after / before - 1) > 0.25:
        print("the machine changed its pace meanwhile: run it again")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
