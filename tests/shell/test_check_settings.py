"""A setting that cannot be used stops the start with one line that names it."""

import pytest

from portal.settings import SettingError, Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://[::1/portal"),
        ("REDIS_URL", "redis://h:notaport"),
        ("AMQP_URL", "amqp://secret@h:notaport"),
        ("AMQP_URL", "amqp://h:70000"),
        ("PORTAL_BASE_URL", "http://[::1"),
        ("PORTAL_BASE_URL", "http://"),
        ("PORTAL_ALLOWED_HOSTS", "https://portal.example"),
        ("PORTAL_ALLOWED_HOSTS", "portal.example:70000"),
        ("PORTAL_SMTP_URL", "smtp://"),
        ("PORTAL_SMTP_URL", "smtp://h:abc"),
        ("PORTAL_RATE_LIMIT", "0.5"),
        ("PORTAL_HORIZON_DAYS", "1.9"),
        ("PORTAL_HORIZON_DAYS", "nan"),
        ("PORTAL_STORAGE", "disks"),
    ],
)
def test_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: ") as refused:
        Settings.from_env({name: value})
    assert "secret" not in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_good_is_taken() -> None:
    settings = Settings.from_env(
        {
            "DATABASE_URL": "postgresql://a:5432,b:5433/portal?target_session_attrs=read-write",
            "REDIS_URL": "unix:///run/redis.sock",
            "AMQP_URL": "amqps://portal:secret@rabbit.example/clinic",
            "PORTAL_ALLOWED_HOSTS": "portal.example, [::1]:8000, Portal.Example:443",
            "PORTAL_STORAGE": "disk",
            "PORTAL_RATE_LIMIT": "0",
        }
    )
    assert settings.allowed_hosts == ("portal.example", "[::1]:8000", "portal.example:443")
    assert (settings.storage, settings.rate_limit) == ("", 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "portal.example"])
def test_switched_off_limits_are_for_loopback_only(host: str) -> None:
    settings = Settings.from_env({"PORTAL_RATE_LIMIT": "0"})
    with pytest.raises(SettingError, match=r"^PORTAL_RATE_LIMIT: "):
        settings.check(host)
    for own in ("127.0.0.1", "::1", "localhost"):
        settings.check(own)
