"""The key file: made once, for its owner only, the same for every process; a bad one stops the start."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.accounts.keys import open_keyring
from portal.settings import SettingError, Settings


def test_many_processes_starting_at_once_agree(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: open_keyring(settings), range(8)))
    assert len({ring.signer()[0] for ring in rings}) == 1
    assert len({ring.secret("csrf") for ring in rings}) == 1
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_a_rotation_reaches_running_processes_and_keeps_the_secrets(tmp_path: Path) -> None:
    one, other = open_keyring(Settings(data=tmp_path)), open_keyring(Settings(data=tmp_path))
    before, secret = other.signer()[0], other.secret("csrf")
    fresh = one.rotate()
    assert other.verifier(fresh) is not None
    assert other.verifier(before) is not None
    assert other.secret("csrf") == secret
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_a_secret_is_for_one_purpose(tmp_path: Path) -> None:
    ring = open_keyring(Settings(data=tmp_path))
    assert ring.secret("csrf") != ring.secret("refresh token")
    assert len(ring.secret("csrf")) == 32


@pytest.mark.parametrize(
    "content", [None, "", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "kid": "r", "iat": 0, "k": "AA"}]}']
)
def test_a_bad_file_is_named_and_never_shown(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "given.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingError, match=r"^PORTAL_KEYS: ") as refused:
        open_keyring(Settings(data=tmp_path, keys=str(path)))
    assert '"k"' not in str(refused.value)
