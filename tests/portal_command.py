"""The command line as an operator uses it: `portal …` as a process, with nothing of this machine's settings."""

import os
import subprocess
import sys
from pathlib import Path

from tests.portal_server import ROOT


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; settings are given as environment variables."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_") and not k.endswith("_URL")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("portal")), *arguments],
        capture_output=True, text=True, cwd=ROOT, env={**clean, **environment}, timeout=900, check=False,
    )  # fmt: skip
