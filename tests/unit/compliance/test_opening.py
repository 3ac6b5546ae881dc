"""What cannot be opened is told by path and remedy, before a feed runs."""

import base64
import os
import sqlite3
import stat

import pytest
from sqlalchemy import text

from nobody import NOBODY, nobody
from ticktrail.errors import ConfigError
from ticktrail.plugin import Secret
from ticktrail_compliance.store.opening import open_log
from ticktrail_compliance.vault.opening import open_provider
from unit.compliance.logs import (
    ENTRIES,
    NOW_NS,
    POSTGRES,
    fetch,
    has_postgres,
    opened,
    sample,
    settings,
    up,
    verified,
    write,
)

pytestmark = pytest.mark.anyio
KEY = base64.b64encode(bytes(range(32))).decode()


async def test_a_key_is_made_once_and_said(tmp_path):
    """With a warning that names it, mode 0600; the second run finds it."""
    warnings = []
    await write(tmp_path, [up()], warn=warnings.append)
    (warning,) = warnings
    assert str(tmp_path / "audit.key") in warning
    assert "Keep a copy" in warning
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600
    key = (tmp_path / "audit.key").read_text()
    assert len(base64.b64decode(key)) == 32
    await write(tmp_path, [up()], warn=warnings.append)
    assert len(warnings) == 1
    assert key.strip() not in warning


async def test_a_key_for_a_log_with_entries_is_never_made(tmp_path):
    """A lost key is told; a new one would only hide it."""
    await sample(tmp_path)
    (tmp_path / "audit.key").unlink()
    for write_too in (False, True):
        with pytest.raises(ConfigError, match=r"there is no audit key .*audit\.key: put back"):
            opened(tmp_path, write=write_too)
    assert not (tmp_path / "audit.key").exists()


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (KEY, 0o644, "chmod 600"),
        (KEY, 0o620, "chmod 600"),
        ("", 0o600, "32 bytes in base64"),
        ("too short", 0o600, "32 bytes in base64"),
        (base64.b64encode(bytes(31)).decode(), 0o600, "32 bytes in base64"),
        ("ä" * 44, 0o600, "32 bytes in base64"),
    ],
)
async def test_what_is_no_key(tmp_path, content, mode, says):
    """Open to others, or not 32 bytes; the message never repeats what it read."""
    path = tmp_path / "audit.key"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=says) as caught:
        await write(tmp_path, [up()])
    assert str(path) in str(caught.value)
    assert not content or content not in str(caught.value)


async def test_a_folder_is_no_key(tmp_path):
    """Told as such."""
    (tmp_path / "audit.key").mkdir()
    with pytest.raises(ConfigError, match="is no file"):
        await write(tmp_path, [up()])


async def test_a_key_from_the_environment(tmp_path, monkeypatch):
    """The same text in a variable; without it, the variable is named."""
    secret = Secret(env="TICKTRAIL_TEST_KEY")
    with pytest.raises(ConfigError, match="TICKTRAIL_TEST_KEY is not set"):
        await write(tmp_path, [up()], key=secret)
    monkeypatch.setenv("TICKTRAIL_TEST_KEY", KEY)
    await write(tmp_path, [up()], key=secret)
    assert not (tmp_path / "audit.key").exists()
    with opened(tmp_path, key=secret) as log:
        assert log.count() == 2


async def test_a_missing_folder(tmp_path):
    """Named, with what to do."""
    with pytest.raises(ConfigError, match=r"make the folder .*nowhere first"):
        await write(tmp_path, [up()], database="sqlite:///nowhere/audit.db")


@pytest.mark.parametrize("database", ["nonsense", "sqlite://", "sqlite:///:memory:", "oracle+nope://x"])
async def test_what_is_no_database(tmp_path, database):
    """With an example of one."""
    with pytest.raises(ConfigError, match=r"sqlite:///audit\.db"):
        await write(tmp_path, [up()], database=database)


async def test_a_file_of_something_else(tmp_path):
    """Not a database: told, and left as it is."""
    (tmp_path / "audit.db").write_bytes(b"a diary, and no database at all" * 40)
    with pytest.raises(ConfigError, match="no audit log: name another file"):
        await write(tmp_path, [up()])
    assert (tmp_path / "audit.db").read_bytes().startswith(b"a diary")


async def test_a_database_of_somebody_else(tmp_path):
    """Other tables are left alone; the log's own are added beside them."""
    with sqlite3.connect(tmp_path / "audit.db") as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    with pytest.raises(ConfigError, match="holds no audit log"):
        opened(tmp_path)
    await write(tmp_path, [up()])
    assert fetch(tmp_path, text("SELECT count(*) FROM theirs")) == [(0,)]


async def test_a_locked_database(tmp_path):
    """Somebody holds it for writing: told after the busy time, at the start as a matter of settings."""
    await sample(tmp_path)
    holder = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(ConfigError, match="another process holds it"):
            await write(tmp_path, [up()])
    finally:
        holder.execute("ROLLBACK")
        holder.close()


async def test_a_read_only_database(tmp_path):
    """A log that this user may read and not write: told with the path and the remedy."""
    await sample(tmp_path)
    for path in (tmp_path / "audit.db", tmp_path / "audit-keys.db", tmp_path / "audit.key"):
        path.chmod(0o400)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    tmp_path.chmod(0o555)
    with nobody(tmp_path), pytest.raises(ConfigError, match=r"audit\.db.*right"):
        await write(tmp_path, [up()])


def test_a_log_can_be_read_without_writing(tmp_path):
    """Opening to read makes no file and changes none."""
    with pytest.raises(ConfigError, match="there is no audit database"):
        opened(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            f"{POSTGRES}/ticktrail_nowhere",
            r'database "ticktrail_nowhere" does not exist; make it \(CREATE DATABASE',
        ),
        ("postgresql+psycopg://postgres@127.0.0.1:1/x", r"Connection refused; start the server"),
        ("postgresql+psycopg://ticktrail_nobody@127.0.0.1:5432/x", r"does not exist; make the role"),
        ("postgresql+psycopg://me@server.invalid/x", r"server\.invalid.*; mend the host"),
    ],
)
def test_a_server_that_is_away(tmp_path, url, says):
    """What the server, or the network, says is told with what to do, to read and to write."""
    if ":5432" in url and not has_postgres():
        pytest.skip("no PostgreSQL at 127.0.0.1:5432")
    for write_too in (False, True):
        with pytest.raises(ConfigError, match=says):
            opened(tmp_path, database=url, write=write_too)


def test_secrets_stand_in_no_message(tmp_path):
    """Neither a key's repr nor a URL with a password gives it away."""
    (tmp_path / "audit.key").write_text(KEY)
    (tmp_path / "audit.key").chmod(0o600)
    key = open_provider(Secret(file="audit.key"), tmp_path, create=False, warn=lambda _: None)
    assert KEY not in repr(key)
    url = "postgresql+psycopg://me:geheim@127.0.0.1:1/x"
    with pytest.raises(ConfigError) as caught:
        open_log(settings(database=url), tmp_path, write=True, now_ns=NOW_NS, warn=lambda _: None)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["feed #1", "feed%20a", "what?", "a&b=c", "f\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
async def test_a_folder_of_any_name(tmp_path, name):
    """What is written there is read there: to read, the path is made a URI."""
    folder = tmp_path / name
    folder.mkdir()
    await sample(folder)
    assert verified(folder).sound
    with opened(folder) as log:
        assert log.name == str(folder / "audit.db")
        log.reconnect()
        assert log.count() == ENTRIES
