"""docs/how-to/answer-a-venue-breach.md, followed with a venue that revokes a key."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

VENUE = Path(__file__).with_name("alpaca_at.py")


class Venue:
    """A loopback venue in a process of its own, which is started anew with another key at the same port."""

    def __init__(self):
        self.process = None
        self.url = "ws://127.0.0.1:0"

    def knows(self, key, secret):
        self.close()
        port = self.url.rpartition(":")[2]
        command = [sys.executable, VENUE, port, key, secret]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("ws://"), "the venue did not start"

    @property
    def rest_url(self):
        return self.url.replace("ws:", "http:")

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def venue():
    made = Venue()
    yield made
    made.close()


def credentials(desk, key, secret):
    for name, text in (("alpaca.id", key), ("alpaca.secret", secret)):
        (desk / name).write_text(text)
        (desk / name).chmod(0o600)


def test_a_venue_that_was_broken_into(reader, desk, venue):
    """The other leg speaks at once, the new key is taken up without a restart, and the record is whole."""
    venue.knows("OLD", "OLD-SECRET")
    credentials(desk, "OLD", "OLD-SECRET")
    (desk / "letter-of-the-venue.txt").write_text("we regret")
    now = datetime.now(UTC)
    here = {
        'market = "crypto"': f'market = "crypto"\nws_url = "{venue.url}"\nrest_url = "{venue.rest_url}"',
        'plugin = "binance"\nequivalents = { "BTC/USD" = "BTC/USDT" }': 'plugin = "synthetic"',
        "[control]": "[clock]\nservers = []\n\n[control]",
        "AWARE": (now - timedelta(days=5)).isoformat(),
        "TOLD": (now - timedelta(minutes=5)).isoformat(),
    }

    def revoke():
        venue.knows("NEW", "NEW-SECRET")
        credentials(desk, "NEW", "NEW-SECRET")

    def until(told):
        page.wait_for(lambda: told in page.run("ticktrail ctl status feed.toml")[1])

    page = reader(
        "answer-a-venue-breach",
        instead=here,
        disasters={
            "the venue revokes the old key, and the new one is in the files": revoke,
            "wait until the leg is up": lambda: until("leg alpaca: live"),
            "wait until the other leg speaks": lambda: until("spare for 1"),
        },
    )
    page.follow("What you need")
    until("alpaca for 1")
    page.follow(
        "Take the venue out",
        "Open the incident",
        "Change the credentials",
        "Keep what it touched",
        "What the log proves",
        "Assess, tell and close",
        "Review the venue",
    )
    page.run("ticktrail ctl stop feed.toml")
    log = (desk / "audit.db").read_bytes()
    assert b"NEW-SECRET" not in log
    shown = page.run("ticktrail audit show feed.toml --event control_ordered --json")[1]
    orders = [json.loads(line)["record"]["order"] for line in shown.splitlines()]
    assert orders == ["rest", "wake", "stop"]
    assert (desk / "touched/manifest.json").is_file()
