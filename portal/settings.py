"""Settings, read once from the environment. A wrong one stops the start with one line that names it."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portal import faults, tracing

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+?)\.?(?::([0-9]{1,5}))?")
BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?")
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")
ICE_SERVER = re.compile(r"(stun|turn)s?:[A-Za-z0-9.\[\]:-]+(\?transport=(udp|tcp))?")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
# Where the AWS tools look for credentials, as far as the environment tells. A machine that gets its role from the cloud
# says `PORTAL_VIDEO=chime`: asking the cloud at every start would keep all others waiting.
AWS_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip

# What `portal serve` tells its web processes beside the settings: where they share their counts (Prometheus's own name),
# and how many they are.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PROCESSES = "PORTAL_PROCESSES"


class SettingError(Exception):
    """A setting cannot be used; the text names the variable and never repeats a secret value."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting with its default, unit and meaning; the variable is the name in upper case (see docs/settings)."""

    data: Path = Path("var")  # PORTAL_DATA: folder of the embedded database, files and keys
    database_url: str = ""  # DATABASE_URL: empty means the embedded PostgreSQL
    database_replica_url: str = ""  # DATABASE_REPLICA_URL: for reads that may be late
    redis_url: str = ""  # REDIS_URL: empty means in memory (one process)
    amqp_url: str = ""  # AMQP_URL: empty means integration events stay in the outbox
    amqp_consume: bool = False  # PORTAL_AMQP_CONSUME: whether the worker also acts on the events of other systems
    base_url: str = "http://127.0.0.1:8000"  # PORTAL_BASE_URL: absolute links are made from it, never from Host
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")  # PORTAL_ALLOWED_HOSTS: names, port optional
    trusted_proxies: tuple[str, ...] = ()  # PORTAL_TRUSTED_PROXIES: addresses or networks whose X-Forwarded-* count
    keys: str = ""  # PORTAL_KEYS: file of signing keys (JWK set); empty means made under the data folder
    audit_anchor: str = ""  # PORTAL_AUDIT_ANCHOR: a second folder for the audit's anchors, best on another machine
    video: str = "webrtc"  # PORTAL_VIDEO: chime or webrtc; without it, chime where AWS credentials are set
    ice_servers: tuple[str, ...] = ()  # PORTAL_ICE_SERVERS: stun: and turn: addresses for webrtc, separated by commas
    turn_secret: str = ""  # PORTAL_TURN_SECRET: shared with the TURN servers, which take credentials made from it
    media_region: str = ""  # PORTAL_MEDIA_REGION: where chime carries the calls; empty means the region of AWS
    storage: str = ""  # PORTAL_STORAGE: s3://bucket/prefix; empty or `disk`: the folder `files` under the data folder
    chat_days: int = 7  # PORTAL_CHAT_DAYS: how long after a visit its chat stays open
    recording_days: int = 30  # PORTAL_RECORDING_DAYS: how long a recording is kept; 0 means that nothing is recorded
    smtp_url: str = ""  # PORTAL_SMTP_URL: empty means mails are shown in the log and the demo's outbox page
    hold_seconds: float = 300  # PORTAL_HOLD_SECONDS: how long a hold keeps a slot
    horizon_days: int = 56  # PORTAL_HORIZON_DAYS: how far ahead slots are made
    expiring_days: int = 30  # PORTAL_EXPIRING_DAYS: how long before a batch expires other systems are told of it
    rate_limit: int = 100  # PORTAL_RATE_LIMIT: requests a minute per user; 0 is off, on loopback only
    pool_size: int = 10  # PORTAL_POOL_SIZE: database connections a process
    metrics_token: str = (
        ""  # PORTAL_METRICS_TOKEN: whoever reads /metrics sends it; empty means that there is no /metrics
    )
    otlp_endpoint: str = ""  # OTEL_EXPORTER_OTLP_ENDPOINT: a collector of traces; needs the extra `telemetry`
    embedded: bool = False  # set by `portal serve` when it runs its own database: then jobs run in the web process too
    fault_at: str = ""  # FAULT_AT: where a test breaks the program; refused outside tests
    test_faults: str = ""  # PORTAL_TEST_FAULTS: the folder of such a test
    demo: bool = False  # PORTAL_DEMO: set by `portal serve --demo` for its processes, never by hand

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https, which decides the cookie's name and flags."""
        return self.base_url.startswith("https://")

    @property
    def loopback(self) -> bool:
        """Whether the portal is reachable from this machine only."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **overrides: object) -> "Settings":
        """Read and check the environment.

        Raises `SettingError` naming the first variable that cannot be used.
        """
        values: dict[str, object] = {
            "data": Path(environ.get("PORTAL_DATA", "var")).resolve(),
            "database_url": _url(environ, "DATABASE_URL", {"postgres", "postgresql"}),
            "database_replica_url": _url(environ, "DATABASE_REPLICA_URL", {"postgres", "postgresql"}),
            "redis_url": _address(environ, "REDIS_URL", {"redis", "rediss", "unix"}),
            "amqp_url": _address(environ, "AMQP_URL", {"amqp", "amqps"}),
            "amqp_consume": _flag(environ, "PORTAL_AMQP_CONSUME"),
            "base_url": _server(environ, "PORTAL_BASE_URL", {"http", "https"}).rstrip("/") or cls.base_url,
            "allowed_hosts": _hosts(environ, "PORTAL_ALLOWED_HOSTS") or cls.allowed_hosts,
            "trusted_proxies": _networks(environ, "PORTAL_TRUSTED_PROXIES"),
            "keys": environ.get("PORTAL_KEYS", ""),
            "audit_anchor": environ.get("PORTAL_AUDIT_ANCHOR", "").strip(),
            "video": _video(environ),
            "ice_servers": _ice_servers(environ),
            "turn_secret": environ.get("PORTAL_TURN_SECRET", "").strip(),
            "media_region": environ.get("PORTAL_MEDIA_REGION", "").strip(),
            "storage": _storage(environ, "PORTAL_STORAGE"),
            "chat_days": _whole(environ, "PORTAL_CHAT_DAYS", 7, 0, 366),
            "recording_days": _whole(environ, "PORTAL_RECORDING_DAYS", 30, 0, 3650),
            "smtp_url": _server(environ, "PORTAL_SMTP_URL", {"smtp", "smtps"}),
            "hold_seconds": _number(environ, "PORTAL_HOLD_SECONDS", 300, 0.1, 3600),
            "horizon_days": _whole(environ, "PORTAL_HORIZON_DAYS", 56, 1, 366),
            "expiring_days": _whole(environ, "PORTAL_EXPIRING_DAYS", 30, 1, 366),
            "rate_limit": _whole(environ, "PORTAL_RATE_LIMIT", 100, 0, 1_000_000),
            "demo": _flag(environ, "PORTAL_DEMO"),
            "fault_at": environ.get("FAULT_AT", ""),
            "test_faults": environ.get("PORTAL_TEST_FAULTS", ""),
            "embedded": _flag(environ, "PORTAL_EMBEDDED"),
            "metrics_token": environ.get("PORTAL_METRICS_TOKEN", "").strip(),
            "otlp_endpoint": _server(environ, "OTEL_EXPORTER_OTLP_ENDPOINT", {"http", "https"}),
            "pool_size": _whole(environ, "PORTAL_POOL_SIZE", 10, 2, 200),
        }
        settings = cls(**{**values, **overrides})  # type: ignore[arg-type]  # checked value by value above
        settings.check()
        return settings

    def is_private(self, host: str) -> bool:
        """Whether nobody from elsewhere reaches a portal with these settings that listens on this host."""
        return self.loopback and is_loopback(host)

    def check(self, host: str = "127.0.0.1") -> None:
        """Refuse combinations that would be unsafe, for a portal that listens on this host."""
        if self.demo and not self.is_private(host):
            raise SettingError("--demo: the demo accounts have a known password; they are for loopback addresses only")
        if self.metrics_token and not TOKEN.fullmatch(self.metrics_token):
            raise SettingError("PORTAL_METRICS_TOKEN: at least 16 letters, digits, or any of . _ ~ + / = -")
        if self.otlp_endpoint and not tracing.is_installed():
            raise SettingError(
                "OTEL_EXPORTER_OTLP_ENDPOINT: traces need the extra `telemetry` (pip install 'care-portal[telemetry]')"
            )
        if self.rate_limit == 0 and not self.is_private(host):
            raise SettingError("PORTAL_RATE_LIMIT: 0 turns limits off and is allowed on loopback only")
        if self.amqp_consume and not self.amqp_url:
            raise SettingError("PORTAL_AMQP_CONSUME: needs AMQP_URL")
        if self.turn_secret and len(self.turn_secret) < 16:
            raise SettingError("PORTAL_TURN_SECRET: at least 16 characters")
        if not self.turn_secret and any(one.startswith("turn") for one in self.ice_servers):
            raise SettingError("PORTAL_TURN_SECRET: needed for the turn: addresses of PORTAL_ICE_SERVERS")
        if self.media_region and not REGION.fullmatch(self.media_region):
            raise SettingError("PORTAL_MEDIA_REGION: must be a region of AWS, such as eu-central-1")
        self._check_faults(host)

    def _check_faults(self, host: str) -> None:
        if not self.fault_at and not self.test_faults:
            return
        if not (self.test_faults and self.is_private(host) and not self.secure and faults.is_development()):
            raise SettingError("FAULT_AT: breaks the program on purpose; refused outside its tests")
        try:
            faults.read(self.fault_at)
        except ValueError as error:
            raise SettingError(f"FAULT_AT: {error} is not a point and a kind of fault") from None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _url(environ: Mapping[str, str], name: str, schemes: set[str]) -> str:
    value = environ.get(name, "").strip()
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        raise SettingError(f"{name}: cannot be read as an address") from None
    if value and scheme not in schemes:
        raise SettingError(f"{name}: must begin with one of {', '.join(sorted(schemes))}://")
    return value


def _address(environ: Mapping[str, str], name: str, schemes: set[str]) -> str:
    """A URL of one host, which may be left out; databases name several, with a port each."""
    value = _url(environ, name, schemes)
    try:
        _ = urlsplit(value).port
    except ValueError:
        raise SettingError(f"{name}: the port must be a number up to 65535") from None
    return value


def _server(environ: Mapping[str, str], name: str, schemes: set[str]) -> str:
    """A URL that is nothing without a host."""
    value = _address(environ, name, schemes)
    if value and not urlsplit(value).hostname:
        raise SettingError(f"{name}: names no host")
    return value


def _hosts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = _words(environ, name)
    for word in words:
        match = HOST.fullmatch(word)
        if match is None or int(match[2] or 0) > 65535:
            raise SettingError(f"{name}: {word} is not a host name, which a port may follow")
    return words


def _storage(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if value == "disk":
        return ""
    if value and not BUCKET.fullmatch(value):
        raise SettingError(f"{name}: must be disk, s3://bucket or s3://bucket/prefix")
    return value


def _flag(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "").strip().lower()
    if value not in {"", "0", "1", "true", "false"}:
        raise SettingError(f"{name}: must be true or false")
    return value in {"1", "true"}


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in environ.get(name, "").split(",") if word.strip())


def _networks(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = _words(environ, name)
    for word in words:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise SettingError(f"{name}: {word} is not an address or network") from None
    return words


def _number(environ: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = environ.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        raise SettingError(f"{name}: must be a number") from None
    if not low <= value <= high:
        raise SettingError(f"{name}: must be between {low:g} and {high:g}")
    return value


def _whole(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = _number(environ, name, default, low, high)
    if value % 1:
        raise SettingError(f"{name}: must be a whole number")
    return int(value)


def _video(environ: Mapping[str, str]) -> str:
    """The provider of video visits; where none is named, Chime if the AWS tools would find credentials."""
    value = environ.get("PORTAL_VIDEO", "").strip().lower()
    if value not in {"", "chime", "webrtc"}:
        raise SettingError("PORTAL_VIDEO: must be chime or webrtc")
    shared = environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    found = any(environ.get(name) for name in AWS_CREDENTIALS) or Path(shared).expanduser().is_file()
    return value or ("chime" if found else "webrtc")


def _ice_servers(environ: Mapping[str, str]) -> tuple[str, ...]:
    words = _words(environ, "PORTAL_ICE_SERVERS")
    for word in words:
        if not ICE_SERVER.fullmatch(word):
            raise SettingError(f"PORTAL_ICE_SERVERS: {word} is not a stun: or turn: address")
    return words
