"""Private servers for tests: on random ports, with their data in a temporary folder, ended by whoever started them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_port(port: int, seconds: float = 60) -> None:
    """Wait until something listens; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_listening(port):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def program(name: str) -> str:
    """Where a server program is; Debian keeps some outside an ordinary PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/rabbitmq/bin")
    if not found:
        raise RuntimeError(f"{name} is missing: `make test` installs it or says how")
    return found


def browser_program() -> str:
    """Chromium's own shell without a window, a tenth of the weight, or the whole of Chromium where there is no other."""
    try:
        return program("chromium-headless-shell")
    except RuntimeError:
        return program("chromium")


class Redis:
    """A private Redis that keeps nothing on disk; it can be killed and started again on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                program("redis-server"),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            stdout=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
        )
        wait_for_port(self.port)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self, still: bool = True) -> None:
        """Stop answering without closing anything, or go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)


@contextmanager
def redis() -> Iterator[Redis]:
    server = Redis()
    server.start()
    try:
        yield server
    finally:
        server.kill()


class Rabbit:
    """A private RabbitMQ node; it can be killed with -9 and started again on the same port and data."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="care-rabbit-"))
        self.port, distribution = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        conf = self._folder / "rabbitmq.conf"
        conf.write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users.guest = true\n")
        (self._folder / "enabled_plugins").write_text("[].\n")
        self._environment = {
            **os.environ,
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": f"care{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(conf),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-start_epmd false -erl_epmd_port {distribution}",
            "RABBITMQ_CTL_ERL_ARGS": f"-start_epmd false -erl_epmd_port {distribution} -dist_listen false",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [_rabbit_script("rabbitmq-server")],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self.port, 90)

    def kill(self) -> None:
        """With -9, and all that it started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            while is_listening(self.port):  # the script is gone, its virtual machine takes a moment
                time.sleep(0.02)

    def control(self, *command: str) -> str:
        """Ask or tell the running node, as `rabbitmqctl` does."""
        name = self._environment["RABBITMQ_NODENAME"]
        asked = subprocess.run(
            [_rabbit_script("rabbitmqctl"), "-q", "-n", name, *command],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if asked.returncode:
            raise RuntimeError(asked.stderr or asked.stdout)
        return asked.stdout

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def rabbit() -> Iterator[Rabbit]:
    server = Rabbit()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def rabbitmq() -> Iterator[str]:
    """A private RabbitMQ node; gives its AMQP address."""
    with rabbit() as server:
        yield server.url


def _rabbit_script(name: str) -> str:
    """The program itself: Debian's wrapper in /usr/sbin changes to the service's user, which a test must not."""
    script = Path("/usr/lib/rabbitmq/bin") / name
    return str(script) if script.exists() else program(name)
