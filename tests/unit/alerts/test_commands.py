"""The commands, as a person types them."""

import json
import subprocess
import sys

import pytest

from ticktrail._plan.compose import compose
from ticktrail.errors import ConfigError
from unit.alerts.conftest import PASSWORD, SECRET
from unit.alerts.servers import post_office, serving

FEED = """
[feed]
name = "btc"
instruments = ["BTC/USDT"]
channels = ["trades"]
[providers.binance]
[compliance]
key = { file = "audit.key" }
[alerts]
"""


def ticktrail(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ticktrail", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def feed(tmp_path):
    path = tmp_path / "feed.toml"

    def write(text):
        path.write_text(FEED + text)
        return path

    return write


def hook(url, name="hook"):
    return (
        f'[[alerts.to]]\nname = "{name}"\nwebhook = {{ url = "{url}", secret = {{ env = "HOOK_SECRET" }} }}\n'
    )


def test_each_channel_is_tried(feed, tmp_path, certificate, ca_file):
    """What came of each; the exit status is 1 for the one that failed, and no secret is shown."""
    with post_office(certificate, password=PASSWORD) as post, serving() as good, serving() as bad:
        bad.always = 500
        path = feed(
            '[[alerts.to]]\nfile = { path = "alerts.jsonl" }\n'
            + hook(good.url + "/with/a/word", "good")
            + hook(bad.url, "bad")
            + f'[[alerts.to]]\n[alerts.to.email]\nhost = "127.0.0.1"\nport = {post.port}\nca_file = "{ca_file}"\n'
            'user = "feed"\npassword = { env = "MAIL_PASSWORD" }\nsender = "a@b.example"\nto = ["c@d.example"]\n'
        )
        done = ticktrail("alerts", "test", path)
        assert done.returncode == 1, done.stderr
        said = done.stdout.splitlines()
        assert said[0] == "file  alerts.jsonl  sent"
        assert said[1].endswith("/…  sent")
        assert said[2].endswith("/…  failed: 127.0.0.1 answers 500")
        assert said[3] == "email  c@d.example by 127.0.0.1 (starttls)  sent"
        only = ticktrail("alerts", "test", path, "--channel", "good", "--json")
        assert only.returncode == 0, only.stderr
        (one,) = json.loads(only.stdout)["channels"]
        assert (one["name"], one["kind"], one["ok"], one["detail"]) == ("good", "webhook", True, "")
    body = json.loads(good.came[0][2])
    assert body["is_test"]
    assert body["alerts"][0]["rule"] == "test"
    assert b"TEST information" in post.mails[0][0]
    for secret in (SECRET, PASSWORD, "word"):
        assert secret not in done.stdout + done.stderr + only.stdout + only.stderr
    assert not (tmp_path / "alerts-btc.json").exists()


def test_a_missing_secret_is_a_failure_of_its_channel(feed, monkeypatch):
    """The others are tried all the same."""
    monkeypatch.delenv("HOOK_SECRET")
    done = ticktrail(
        "alerts", "test", feed(hook("https://h.example/x") + '[[alerts.to]]\nfile = { path = "a.jsonl" }\n')
    )
    assert done.returncode == 1
    assert "HOOK_SECRET is not set" in done.stdout
    assert "file  a.jsonl  sent" in done.stdout


def test_a_channel_that_there_is_not(feed):
    """Named, with those that there are."""
    done = ticktrail("alerts", "test", feed(hook("https://h.example/x")), "--channel", "hok")
    assert done.returncode == 2
    assert "has no channel 'hok'; there is hook" in done.stderr


def test_what_is_in_force_is_shown(feed, monkeypatch):
    """Rules with their settings, channels without a secret; nothing is asked for."""
    monkeypatch.delenv("HOOK_SECRET")
    path = feed(
        hook("https://h.example/x/word") + "[alerts.rules]\nleg_down = { after_s = 7 }\nclock = false\n"
    )
    done = ticktrail("alerts", "show", path)
    assert done.returncode == 0, done.stderr
    assert "channel  hook  https://h.example/…  everything" in done.stdout
    assert "rule     leg_down          warning, after 7 s, over after 60 s" in done.stdout
    assert "rule     clock             off" in done.stdout
    told = json.loads(ticktrail("alerts", "show", path, "--json").stdout)
    assert told["rules"]["leg_down"] == {"severity": "warning", "after_s": 7.0, "clear_s": 60.0}
    assert told["rules"]["clock"] is False
    assert told["channels"] == [
        {
            "name": "hook",
            "kind": "webhook",
            "where": "https://h.example/…",
            "from_severity": "information",
            "rules": [],
        }
    ]
    assert "word" not in done.stdout


def test_plain_text_over_a_network_is_refused_in_production(feed):
    """By the check of the feed, and by the trial."""
    path = feed(hook("http://h.example/x"))
    done = ticktrail("check", path)
    assert done.returncode == 2
    assert (
        "[alerts]: http://h.example would send plain text over a network, which a production feed"
        in done.stderr
    )
    tried = ticktrail("alerts", "test", path)
    assert tried.returncode == 1
    assert "would send plain text over a network" in tried.stdout
    assert ticktrail("check", feed(hook("http://127.0.0.1:1/x"))).returncode == 0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "the key to is missing"),
        ("to = []\n", "to"),
        ("[[alerts.to]]\n", "a channel is one of webhook"),
        (
            '[[alerts.to]]\nfile = { path = "a" }\n[[alerts.to]]\nfile = { path = "b" }\n',
            'two channels are called "file"',
        ),
        (hook("ftp://h.example"), "is no address of the web"),
        (hook("https://u:word@h.example"), "must not hold a user name or password"),
        ('[[alerts.to]]\nwebhook = { url = "https://h.example", secret = "word" }\n', "stands in plain text"),
        (
            '[[alerts.to]]\nemail = { host = "m.example", tls = "none", sender = "a@b.c", to = ["a@b.c"] }\n',
            "would send plain text over a network",
        ),
        (
            '[[alerts.to]]\nemail = { host = "m.example", user = "u", sender = "a@b.c", to = ["a@b.c"] }\n',
            "user: and password stand together",
        ),
        (
            '[[alerts.to]]\n[alerts.to.email]\nhost = "m.example"\nuser = "ü"\nsender = "a@b.c"\nto = ["a@b.c"]\n',
            "user",
        ),
        (
            '[[alerts.to]]\nfile = { path = "a" }\nrules = ["outages"]\n',
            "did you mean outage?",
        ),
        (
            '[[alerts.to]]\nfile = { path = "a" }\n[alerts.rules]\noutage = { after = 3 }\n',
            "did you mean after_s?",
        ),
    ],
)
def test_faults_are_told_with_their_place(feed, table, said):
    """File, line and key; nothing that may be a secret."""
    with pytest.raises(ConfigError) as found:
        compose(feed(table))
    text = str(found.value)
    assert said in text
    assert "feed.toml:" in text
    assert " word" not in text
    assert ":word" not in text
    assert '"word' not in text


def test_the_plugin_loads_nothing_that_opens_a_connection():
    """`ticktrail --help` and `check` need neither."""
    probe = (
        "import sys, ticktrail_alerts.plugin; print([m for m in ('httpx', 'smtplib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
