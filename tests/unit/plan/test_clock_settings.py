"""The ``[clock]`` table: what it refuses, with key and remedy."""

import pytest

from ticktrail._plan.clock import ClockSettings, MarketOpen, host_and_port
from ticktrail.errors import ConfigError

REST = """
[providers.acme]
key = { env = "T" }
"""


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("time.nist.gov", ("time.nist.gov", 123)),
        ("127.0.0.1:1234", ("127.0.0.1", 1234)),
        ("[::1]", ("::1", 123)),
        ("[2001:db8::1]:11123", ("2001:db8::1", 11123)),
    ],
)
def test_a_server_is_a_host_with_or_without_a_port(server: str, address: tuple[str, int]) -> None:
    """Names and addresses of both families; NTP's port by default."""
    assert host_and_port(server) == address


@pytest.mark.parametrize(
    "server", ["", ":123", "127.0.0.1:99999", "host:0", "ntp://host", "a b:x", "host/path", "me@host"]
)
def test_what_is_no_server_is_refused(server: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=r"servers: .* neither a host nor host:port"):
        ClockSettings(servers=(server,))


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('servers = ["a", "a"]', "servers", "take one of them out"),
        ('servers = ["a.example", "A.example.:123"]', "servers", "take one of them out"),
        ("every_min_s = 0.000001", "every_min_s", "0.01"),
        ('servers = ["a:b"]', "servers", "write such as"),
        ("every_min_s = 100\nevery_max_s = 10", "every_min_s", "swap them"),
        (
            'servers = []\non_unsynchronised = "halt"',
            "on_unsynchronised",
            'name servers, or set chrony = "only"',
        ),
        ('on_unsynchronised = "stop"', "on_unsynchronised", '"flag", "halt"'),
        ('before_open = [{ time = "9:30" }]', "time", 'write "09:30"'),
        ('before_open = [{ time = "24:00" }]', "time", 'write "09:30"'),
        ('before_open = [{ time = "09:30", zone = "New York" }]', "zone", '"America/New_York"'),
        ('before_open = [{ time = "09:30", zone = "../x" }]', "zone", '"America/New_York"'),
        (
            "max_unmeasured_s = 100",
            "max_unmeasured_s",
            "at least twice every_min_s and timeout_s together (64 + 5)",
        ),
        ("min_sources = 5", "min_sources", "name more servers"),
        ('min_sources = 2\nchrony = "only"', "min_sources", "more than there are sources (1)"),
        ("every_s = 300", "every_s", "every_min_s"),
        ("samples = 9", "samples", "8"),
    ],
)
def test_a_slip_is_told_with_its_remedy(plan, text: str, key: str, remedy: str) -> None:
    """File, line, key, and what would be right."""
    with pytest.raises(ConfigError) as caught:
        plan("[clock]\n" + text + REST)
    (problem,) = caught.value.problems
    assert "feed.toml" in problem
    assert key in problem
    assert remedy in problem


def test_openings_are_read(plan) -> None:
    """A list of tables, with the zone and the lead by default."""
    text = '[clock]\nbefore_open = [{ time = "09:30", zone = "America/New_York" }, { time = "00:00:30" }]\n'
    clock = plan(text + REST).clock
    assert clock.before_open == (
        MarketOpen(time="09:30", zone="America/New_York", lead_s=300.0),
        MarketOpen(time="00:00:30", zone="UTC", lead_s=300.0),
    )


def test_chronyd_alone_is_a_measurement() -> None:
    """Nothing else is asked then; without servers and chronyd there is none."""
    assert ClockSettings(servers=(), chrony="only", on_unsynchronised="halt").measures
    assert not ClockSettings(servers=(), chrony="auto").measures
