import os
import subprocess
import sys
from pathlib import Path

import pytest

from unit.host.installed import ACME, install

BROKEN = Path(__file__).parents[2] / "feeds" / "broken"

SAID = {
    "bad_toml": ["8: is not valid TOML at column 13: Invalid value; write key = value"],
    "channel_not_given": [
        (
            '5: [feed] channels: leg "binance" cannot give liquidations; it can give agg_trades, bars, book, '
            "quotes, status, ticker, trades: ask for those"
        )
    ],
    "duplicate_sink": ['13: [[sinks]] 2: a sink named "jsonl" stands in line 9 already; give each a name'],
    "import_fails": [
        '10: [providers.sick]: there is no provider "sick"',
        "is quarantined: its import fails at sick_feeds_module.py:1 with ModuleNotFoundError",
    ],
    "impossible_limits": ["10: [validation] min_price: min_price 10 is above max_price 1", "swap them"],
    "inline_secret": ["10: [compliance] key: stands in plain text", '{ env = "NAME" }'],
    "many_faults": [
        "2: [feed]: the key name is missing; add name",
        "3: [feed] nam: unknown key; did you mean name?",
        "8: [providers.binance] connect_s: expected a number, found a text in quotes; the default is 10.0",
        "11: [validation] max_spred: unknown key; did you mean max_spread?",
        "13: [[sinks]] 1: the key path is missing; add path",
        "17: [compliance] key: stands in plain text",
    ],
    "missing_key": [
        "2: [feed]: the key name is missing; add name = … (a text in quotes)",
        "2: [feed]: no observer of this file journals the ticks",
    ],
    "missing_table": [
        "1: the file: the table [feed] is missing; add it, with name, instruments and channels"
    ],
    "misspelt_hook": ["plugin odd: there is no hook ticktrail_provider; did you mean ticktrail_providers?"],
    "no_pair": ['7: [providers.binance]: instrument "BTCUSDT" is no pair', 'such as "BTC/USDT"'],
    "no_recording": ["7: [providers.replay]: there is no recording", "nowhere.jsonl.gz; mend path"],
    "not_allowed": [
        '10: [providers.acme]: there is no provider "acme"',
        'installed but not allowed: "acme-feeds"',
        "name it in [plugins] allow",
    ],
    "not_for_production": [
        "12: [compliance] journal: keeps no tick",
        (
            "13: [compliance] database: postgresql+psycopg://db.example.com without sslmode may send plain text over a "
            "network, which a production feed refuses; write ?sslmode=verify-full"
        ),
    ],
    "plain_text": [
        "8: [providers.binance] ws_url: ws://stream.example.com would send plain text over a network",
        "write wss://stream.example.com",
    ],
    "synthetic_in_production": [
        '17: [providers.made-up]: leg "made-up" makes its data up',
        'set profile = "development" in [feed]',
    ],
    "unknown_instrument": [
        '9: [validation.instruments."BTC/USD"]: the feed has no such instrument; did you mean BTC/USDT?'
    ],
    "unknown_key": ["8: [providers.binance] conect_s: unknown key; did you mean connect_s?"],
    "unknown_leg": ['10: [route] fallback: there is no leg "spair"; did you mean spare?'],
    "unknown_plugin": ['8: [providers.main] plugin: there is no provider "binanse"; did you mean binance?'],
    "unknown_route_kind": ['8: [route] kind: there is no route kind "hybird"; did you mean hybrid?'],
    "wrong_type": ["8: [providers.binance] connect_s: expected a number, found a text in quotes"],
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The environment of a process that finds three throwaway distributions."""
    site = tmp_path_factory.mktemp("site")
    install(site, "acme-feeds", "acme", ACME.read_text(encoding="utf-8"))
    install(site, "sick-feeds", "sick", "import no_such_module_anywhere\n")
    install(
        site,
        "misspelt-feeds",
        "odd",
        "from ticktrail.plugin import hookimpl\nTICKTRAIL_API = 1\n"
        "@hookimpl\ndef ticktrail_provider():\n    return []\n",
    )
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def ticktrail(environment, *arguments):
    command = [str(Path(sys.executable).with_name("ticktrail")), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_broken_feed_is_expected():
    """No file lies here without saying what its message must be."""
    assert {path.stem for path in BROKEN.glob("*.toml")} == set(SAID)


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_broken_feed_is_told_in_paragraphs(environment, name):
    """Exit status 2; file, line, key and remedy of each fault on stderr; no traceback, no secret, nothing else."""
    path = BROKEN / f"{name}.toml"
    done = ticktrail(environment, "check", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    paragraphs = done.stderr.splitlines()
    assert all(line.startswith("error: ") for line in paragraphs)
    for said in SAID[name]:
        place = f"{path}:{said}" if said[0].isdigit() else said
        assert any(place in line for line in paragraphs), done.stderr
    located = [said for said in SAID[name] if said[0].isdigit()]
    assert len(paragraphs) == max(1, len(located))
    assert "Traceback" not in done.stderr
    assert "k3y-in-the-clear" not in done.stderr


def test_debug_shows_the_traceback(environment):
    """`--debug` shows where in the program a fault was found, and changes nothing else."""
    done = ticktrail(environment, "--debug", "check", str(BROKEN / "wrong_type.toml"))
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_a_whole_feed_is_printed(environment, tmp_path):
    """The same program on a feed without fault: exit status 0 and the graph, as text or JSON."""
    text = (BROKEN / "unknown_key.toml").read_text(encoding="utf-8").replace("conect_s", "connect_s")
    path = tmp_path / "good.toml"
    path.write_text(text, encoding="utf-8")
    done = ticktrail(environment, "check", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("feed btc (production)\n")
    done = ticktrail(environment, "check", str(path), "--json")
    assert done.stdout.startswith('{"name":"btc","profile":"production"')
    assert done.stdout.endswith("}\n")
