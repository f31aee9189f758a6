"""The bare rate of password checks: argon2 alone, on as many threads as there are cores.

python -m bench.bare.passwords SECONDS
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from portal.accounts.passwords import HASHER

PASSWORD = "portal-bench"


def check(stored: str, end: float) -> int:
    done = 0
    while perf_counter() < end:
        HASHER.verify(stored, PASSWORD)
        done += 1
    return done


def main(seconds: float) -> float:
    stored, cores = HASHER.hash(PASSWORD), os.cpu_count() or 1
    begun = perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        done = sum(threads.map(check, [stored] * cores, [begun + seconds] * cores))
    return done / (perf_counter() - begun)


if __name__ == "__main__":
    print(main(float(sys.argv[1])))
