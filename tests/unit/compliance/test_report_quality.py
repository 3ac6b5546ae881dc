"""`ticktrail report quality`: what the rules found, out of a log, for people and programs."""

import json

import anyio
import pytest
from click.testing import CliRunner

from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.cli.program import program
from ticktrail.testing import make_trade
from unit.engine import stage

HEAD = """\
[feed]
name = "judged"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades"]
[clock]
servers = []
[validation]
max_age_s = false
max_backwards_ms = false
jump_confirm_s = 0
quality_every_s = 0.02
[validation.rules.price_range]
action = "quarantine"
severity = "critical"
[providers.a]
plugin = "scripted"
script = "a"
[compliance]
key = { file = "audit.key" }
"""


async def prices(session):
    """Good ones, one beyond all price in one instrument, and a market that moves in the other."""
    session.up()
    for number in range(1, 31):
        bitcoin = "5000000" if number == 15 else "100"
        ether = "10" if number < 20 else "20"
        await session.ticks(
            make_trade(bitcoin, id=number, provider=session.name),
            make_trade(ether, id=number, provider=session.name, instrument="ETH/USDT"),
        )
        await anyio.sleep(0.005)


@pytest.fixture
def log(tmp_path):
    """Run a feed over two instruments; gives the path of its file."""
    path = tmp_path / "feed.toml"
    path.write_text(HEAD, encoding="utf-8")
    stage.STAGE.scripts["a"] = prices
    plan = compose(path, Host.load(plugins={"stage": stage}))
    anyio.run(stage.run, plan, backend="trio")
    return path


def told(*arguments):
    done = CliRunner().invoke(program, ["report", "quality", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def test_machines_get_all_of_it(log):
    """Counts of all periods added up, with what tripped each rule; events beside them."""
    found = json.loads(told(log, "--json"))
    rows = {row["instrument"]: row for row in found["rows"]}
    bitcoin, ether = rows["BTC/USDT"], rows["ETH/USDT"]
    assert (found["seen"], bitcoin["seen"], ether["seen"]) == (60, 30, 30)
    assert bitcoin["rejected"] == 16  # the one, and what came while the instrument was kept apart
    rules = {rule["rule"]: rule for rule in bitcoin["rules"]}
    assert (rules["price_range"]["rejected"], rules["price_range"]["severity"]) == (1, "critical")
    assert rules["price_range"]["first"]["tick"]["id"] == 15
    assert rules["price_range"]["first"]["violation"]["price"] == "5000000"
    assert (rules["quarantined"]["rejected"], rules["quarantined"]["last"]["tick"]["id"]) == (15, 30)
    (jump,) = ether["rules"]
    assert (jump["rule"], jump["rejected"]) == ("price_jump", 4)
    assert [one["rule"] for one in found["critical"]] == ["price_range"]
    assert [(one["from_price"], one["to_price"], one["refused"]) for one in found["levels"]] == [
        ("10", "20", 4)
    ]
    assert [one["instrument"] for one in found["quarantines"]] == ["BTC/USDT"]
    assert found["failures"] == []


def test_people_get_lines(log):
    """Each rule with its share, and its first and last example."""
    lines = told(log).splitlines()
    assert lines[1] == "60 ticks seen, 20 (33.333%) rejected, 0 flagged"
    assert "  price_range (critical): 1 (3.333%) rejected, 0 flagged" in lines
    assert any("a trade 15: field price, price 5000000" in line for line in lines)
    assert any("price_level_confirmed: provider a, instrument ETH/USDT" in line for line in lines)


def test_a_period_without_counts_says_so(log):
    """A period before the log is empty, and no error."""
    assert told(log, "--to", "2020-01-01").startswith("the log has no counts in this period: ")
