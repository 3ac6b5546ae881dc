"""A local key: 32 bytes in base64, kept to this user, made once and whole."""

import base64
import stat
import threading

import keyring
import keyring.backends.fail
import pytest

from ticktrail.errors import ConfigError
from ticktrail_compliance.vault import local
from ticktrail_compliance.vault.deadline import within
from ticktrail_compliance.vault.local import LocalKey
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.vault.settings import KeySettings

KEY = base64.b64encode(bytes(range(32))).decode()
VECTOR = {
    "key_id": "76aaf381efe9497e",
    "wrapped": "5022ab13b453ebfad6fc57f550762cf6afebd1175f2a14347cc106c3201fe88232b5",
}
"""Of the bytes 0 to 31, made by HKDF by hand and by the key of the log's first layout."""


def opened(tmp_path, *, create=True, warn=lambda _: None, **keys):
    return open_provider(KeySettings(**keys), tmp_path, create=create, warn=warn)


def test_what_it_is_for_a_known_key():
    """Name and wrapping are fixed for good: logs are sealed with them."""
    key = LocalKey(bytes(range(32)), "here")
    assert key.key_id == VECTOR["key_id"]
    assert key.unwrap(bytes.fromhex(VECTOR["wrapped"]), b"log 1") == b"secret"


def test_a_file_is_made_once(tmp_path):
    """With mode 0600, nothing beside it, and a warning that names it and not the key."""
    said = []
    key = opened(tmp_path, file="audit.key", warn=said.append)
    path = tmp_path / "audit.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert list(tmp_path.iterdir()) == [path]
    assert key.origin == f"file {path}"
    assert opened(tmp_path, file="audit.key", warn=said.append).key_id == key.key_id
    (warning,) = said
    assert str(path) in warning
    assert path.read_text().strip() not in warning


def test_two_that_make_it_at_once_have_the_same_one(tmp_path):
    """Never half a key, and one of them says that it made it."""
    said, names, start = [], [], threading.Barrier(8)

    def run():
        start.wait()
        names.append(opened(tmp_path, file="audit.key", warn=said.append).key_id)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(names), len(set(names)), len(said)) == (8, 1, 1)


def test_a_lost_key_is_not_made_anew(tmp_path):
    """For a log that is there."""
    with pytest.raises(ConfigError, match=r"there is no audit key .*audit\.key: put back"):
        opened(tmp_path, file="audit.key", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (KEY.encode(), 0o644, "chmod 600"),
        (KEY.encode(), 0o620, "chmod 600"),
        (b"", 0o600, "32 bytes in base64"),
        (base64.b64encode(bytes(31)), 0o600, "32 bytes in base64"),
        ("ä".encode() * 44, 0o600, "32 bytes in base64"),
        (b"\xff" * 32, 0o600, "32 bytes in base64"),
    ],
)
def test_what_is_no_key(tmp_path, content, mode, says):
    """Open to others, or not 32 bytes in base64, such as the bytes themselves; never repeated."""
    path = tmp_path / "audit.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=says) as caught:
        opened(tmp_path, file="audit.key")
    assert str(path) in str(caught.value)
    shown = f"{caught.value} {caught.value.__cause__!r}"
    assert not content or content.decode("utf-8", "replace") not in shown


def test_what_is_no_file(tmp_path):
    """A folder, and a key in a folder that is not there."""
    (tmp_path / "audit.key").mkdir()
    with pytest.raises(ConfigError, match="is no file"):
        opened(tmp_path, file="audit.key")
    with pytest.raises(ConfigError, match=r"nowhere/audit\.key cannot be made: .*make its folder"):
        opened(tmp_path, file="nowhere/audit.key")


def test_a_variable_that_is_not_set(tmp_path, monkeypatch):
    """Named, with what to do."""
    monkeypatch.delenv("TICKTRAIL_TEST_KEY", raising=False)
    with pytest.raises(ConfigError, match="TICKTRAIL_TEST_KEY is not set"):
        opened(tmp_path, env="TICKTRAIL_TEST_KEY")


def test_a_keyring_that_nobody_unlocks(tmp_path, monkeypatch):
    """It asks a person; the start does not wait for ever."""
    asked, before = threading.Event(), keyring.get_keyring()

    class Locked(keyring.backends.fail.Keyring):
        def get_password(self, service, username):
            asked.wait(30)

    monkeypatch.setattr(local, "KEYRING_S", 0.2)
    keyring.set_keyring(Locked())
    try:
        with pytest.raises(ConfigError, match=r"did not answer within 0\.2 s: unlock the keyring"):
            opened(tmp_path, keyring="ticktrail/audit")
    finally:
        asked.set()
        keyring.set_keyring(before)


def test_a_call_s_own_timeout_is_passed_on():
    """It is not mistaken for the deadline."""

    def call():
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        within(5, call, lambda: AssertionError("late"))
