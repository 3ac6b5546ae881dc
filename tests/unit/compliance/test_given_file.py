"""A file that a person names: a pipe and a device are refused at once, wherever a command takes one."""

import os
import signal

import anyio
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail_compliance.given_file import content_of, opened_file
from unit.compliance.logs import sample

LIMIT_S = 60
NAMES = ("pipe", "zero", "link", "folder", "gone")


@pytest.fixture(autouse=True)
def no_hang():
    """Fail where something waits for a pipe, instead of waiting with it."""

    def over(*_):
        raise TimeoutError("it waits for a pipe or a device")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A log with an incident that is assessed, and what is no file under several names."""
    monkeypatch.chdir(tmp_path)
    anyio.run(lambda: sample(tmp_path))
    (tmp_path / "feed.toml").write_text('[compliance]\nkey = { file = "audit.key" }\n')
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder").mkdir()
    return tmp_path


def run(*words, status=0):
    done = CliRunner().invoke(program, list(map(str, words)))
    assert done.exit_code == status, done.output
    return done.output


@pytest.mark.parametrize("name", NAMES)
def test_only_a_regular_file_is_opened(desk, name):
    """By its own name or a link's; the message says which, why, and what would be right."""
    with pytest.raises(OSError):  # noqa: PT011 - each has a number of its own
        opened_file(desk / name)
    with pytest.raises(ConfigError, match=rf"--text .*{name} cannot be read: .+; name a text"):
        content_of(desk / name, 9, name=f"--text {desk / name}", remedy="name a text")


def test_what_is_too_large_is_refused(desk):
    """To the byte."""
    (desk / "text").write_bytes(b"x" * 2048)
    assert content_of(desk / "text", 2048, name="text", remedy="") == b"x" * 2048
    with pytest.raises(ConfigError, match="text is larger than 1 KiB; shorten it"):
        content_of(desk / "text", 2047, name="text", remedy="shorten it")


@pytest.mark.parametrize("name", NAMES)
def test_no_command_waits_for_one(desk, name):
    """Evidence, templates, letters, policies, public keys, proofs, anchors, marks: each is refused, with its name."""
    number = run("incident", "open", "feed.toml", "--title", "x").split()[1]
    run("incident", "assess", "feed.toml", number, "--customer-information", "yes")
    of = ("incident", "notify", "feed.toml", number, "--to", "individuals")
    (desk / "policy.feed.toml").write_text(
        f'[compliance]\nkey = {{ file = "audit.key" }}\npolicy = "{name}"\n'
    )
    key = ("--verifier-key", run("audit", "key", "feed.toml").strip())
    commands = [
        ("incident", "attach", "feed.toml", number, name),
        (*of, "--draft", "out.txt", "--template", name),
        (*of, "--sent-at", "2026-01-01", "--count", "1", "--batch", "b", "--text", name),
        ("compliance", "policy", "check", name),
        ("compliance", "policy", "adopt", "policy.feed.toml", "--one-person-may-destroy"),
        ("audit", "check-proof", name, *key),
        ("audit", "check-proof", "audit.key", "--verifier-key-file", name),
        ("audit", "verify", "feed.toml", "--anchor", name, "--no-incident"),
        ("audit", "succeed", "feed.toml", "--checkpoint", name, "--reason", "x", *key),
    ]
    for command in commands:
        assert name in run(*command, status=2), command
    if name != "gone":  # a mark that is not there is made
        assert name in run("audit", "verify", "feed.toml", "--resume", name, status=2)
