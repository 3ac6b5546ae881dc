"""What `ticktrail check` finds in a leg's table without opening a socket, and how it says it."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program

FEED = """\
[feed]
name = "stage"
profile = "development"
instruments = ["{instrument}"]
channels = ["trades"]
[clock]
servers = []
[route]
kind = "provider"
provider = "alpaca"
[providers.alpaca]
key_id = {{ env = "A_KEY" }}
secret_key = {{ env = "A_SECRET" }}
{lines}
[[sinks]]
plugin = "jsonl"
path = "out.jsonl"
"""


STOCKS = '"iex", "sip", "delayed_sip", "boats", "overnight", "test"'


@pytest.fixture
def checked(tmp_path):
    """Check a feed file whose leg has these lines; gives the exit status and what was said, in one line."""

    def check(lines="", instrument="AAPL"):
        path = tmp_path / "feed.toml"
        path.write_text(FEED.format(lines=lines, instrument=instrument))
        done = CliRunner().invoke(program, ["check", str(path)])
        return done.exit_code, " ".join(done.output.split())

    return check


@pytest.mark.parametrize(
    ("lines", "instrument"),
    [
        ("", "AAPL"),
        ('feed = "test"', "FAKEPACA"),
        ('calendar = "XLON"', "AAPL"),
        ('calendar = "NYSE"', "AAPL"),  # another name of XNYS
        ('bar_timeframe = "12Month"', "AAPL"),
        ('market = "crypto"\nfeed = "us-1"', "BTC/USD"),
        ('market = "crypto"\ncalendar = "nonsense"', "BTC/USD"),  # which never closes
    ],
)
def test_what_is_right(checked, lines, instrument):
    """Nothing is said of it."""
    assert checked(lines, instrument)[0] == 0


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('calendar = "nonsense"', 'calendar = "nonsense" is none that exchange_calendars has'),
        ('calendar = "XNYC"', "did you mean XNYS"),
        ('feed = "test"', 'feed = "test" brings made-up trades of FAKEPACA alone, and none of AAPL'),
        ('feed = "siip"', f'feed: market "stocks" has no such feed; write one of {STOCKS}'),
        (
            'market = "crypto"\nfeed = "iex"',
            'market "crypto" has no such feed; write one of "us", "us-1", "eu-1"',
        ),
        ('bar_timeframe = "90Min"', 'bar_timeframe: is no length of a bar; write "1Min" to "59Min"'),
        ('bar_timeframe = "1Min\\n"', "bar_timeframe: is no length of a bar"),
        ('bar_timeframe = "٣Min"', "bar_timeframe: is no length of a bar"),
    ],
)
def test_what_is_wrong(checked, lines, says):
    """With file, line and what would be right, and no regular expression."""
    status, said = checked(lines)
    assert status == 2
    assert says in said
    assert "^" not in said
    assert '"eu-1"' not in said or "crypto" in said


def test_the_usual_calendar_is_not_looked_up(tmp_path):
    """Importing the calendars takes longer than the whole check."""
    path = tmp_path / "feed.toml"
    path.write_text(FEED.format(lines="", instrument="AAPL"))
    script = (
        "import sys; from click.testing import CliRunner; from ticktrail.cli.program import program\n"
        f"done = CliRunner().invoke(program, ['check', {str(path)!r}])\n"
        "print(done.exit_code, 'exchange_calendars' in sys.modules, 'pandas' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["0", "False", "False"]


def test_an_editor_offers_feeds_and_lengths():
    """The JSON Schema has them, though their types are texts."""
    schema = CliRunner().invoke(program, ["schema"]).output
    assert '"delayed_sip"' in schema
    assert "Month" in schema
