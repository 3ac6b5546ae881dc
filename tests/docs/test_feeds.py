"""Every block of TOML on every page is right: a feed file composes, or a part of one, a policy, a script of faults."""

import re
import tomllib

import pytest

from docs.reading import fenced, pages
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail._plan.tables import CORE_TABLES
from ticktrail.testing.venue import load_faults
from ticktrail_compliance.policy.checking import faults
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.settings import ComplianceSettings

BLOCKS = [
    pytest.param(page, text, id=f"{page}-{number}")
    for page, whole in pages().items()
    for number, text in enumerate(fenced(whole, "toml"), 1)
]
OF_A_POLICY = set(Policy.__struct_fields__) - set(ComplianceSettings.__struct_fields__)
"""Keys of [compliance] in a policy file; those of a feed file are others."""
HOST = Host.load()
OF_A_FEED = CORE_TABLES | HOST.observers().keys()
ELSEWHERE = {
    "# pyproject.toml": "a distribution, which test_pages.py and the tests of examples build and install",
    'allow = ["house-ticktrail"]': "needs that distribution, with which test_pages.py composes it",
}
CHILDREN = {
    "speaker",
    "candidate",
    "incumbent",
    "primary",
    "fallback",
    "chain",
    "legs",
    "parts",
    "child",
    "provider",
}
MADE_UP = 'plugin = "synthetic"'
SECRETS = 'key_id = { env = "KEY_ID" }\nsecret_key = { env = "SECRET_KEY" }'


def kind_of(text):
    """Return what a block is.

    Raises:
        AssertionError: It is nothing that this test knows: a page may not show what nobody tries.
    """
    if any(mark in text for mark in ELSEWHERE):
        return "elsewhere"
    tables = tomllib.loads(text)
    if tables.keys() == {"fault"}:
        return "script"
    if tables.keys() == {"compliance"} and tables["compliance"].keys() & OF_A_POLICY:
        return "policy"
    if "feed" in tables:
        return "feed"
    assert tables.keys() <= OF_A_FEED, tables.keys() - OF_A_FEED
    return "part"


def legs_of(route):
    """Return the names of legs in a route, however deep they stand."""
    if isinstance(route, str):
        return {route}
    if isinstance(route, list):
        return {name for one in route for name in legs_of(one)}
    children = {
        "speaker",
        "candidate",
        "incumbent",
        "primary",
        "fallback",
        "chain",
        "legs",
        "parts",
        "child",
        "provider",
    }
    return {name for key, value in route.items() if key in children for name in legs_of(value)}


def completed(text):
    """Return a part of a feed file with the least that it lacks to be a whole one; legs that it names are made up."""
    tables = tomllib.loads(text)
    named = legs_of(tables.get("route", {}))
    shown = tables.get("providers", {})
    stocks = '"AAPL"' in text or any(leg.get("market") == "stocks" for leg in shown.values())
    instruments = ["AAPL", "MSFT"] if stocks else []
    if not stocks or named:
        instruments.append("BTC/USD" if "equivalents" in text else "BTC/USDT")
    if not stocks and not named:
        instruments.append("ETH/USDT")
    legs = dict.fromkeys(named - shown.keys(), MADE_UP) or ({} if shown else {"it": MADE_UP})
    if "alpaca" in legs:
        legs["alpaca"] = f'market = "{"stocks" if stocks else "crypto"}"\n{SECRETS}'
    if "binance" in legs:
        legs["binance"] = ""
    if "alerts" in tables and "to" not in tables["alerts"]:
        text += '\n[[alerts.to]]\nfile = { path = "alerts.jsonl" }\n'
    listed = ", ".join(f'"{name}"' for name in instruments)
    head = f'[feed]\nname = "x"\nprofile = "development"\ninstruments = [{listed}]\nchannels = ["trades", "quotes"]\n'
    return "\n".join([head, text, *(f"[providers.{name}]\n{keys}\n" for name, keys in legs.items())])


@pytest.mark.parametrize(("page", "text"), BLOCKS)
def test_it_is_what_it_should_be(page, text, tmp_path, monkeypatch):
    """A feed file composes, a part of one does in the least whole one, a policy has no fault, a script can be read."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "it.toml"
    match kind_of(text):
        case "feed":
            path.write_text(text)
            assert compose(path).legs
        case "part":
            path.write_text(completed(text))
            assert compose(path).legs
        case "policy":
            whole = (
                text if re.search(r"^firm = ", text, re.MULTILINE) else f'[compliance]\nfirm = "F"\n{text}'
            )
            assert faults(parse_policy(whole)) == []
        case "script":
            path.write_text(text)
            assert load_faults(path)


def test_none_is_left_out():
    """There are many, and what is tried elsewhere is on a page."""
    texts = [param.values[1] for param in BLOCKS]
    assert len(texts) > 60
    assert {mark for mark in ELSEWHERE if not any(mark in text for text in texts)} == set()


def test_the_check_can_fail(tmp_path):
    """A key that is misspelt is found, in a part as in a whole file; so is a table that there is not."""
    path = tmp_path / "it.toml"
    path.write_text(completed("[health]\nhalf_live_s = 3\n"))
    with pytest.raises(Exception, match="half_life_s"):
        compose(path)
    with pytest.raises(AssertionError):
        kind_of("[healht]\nhalf_life_s = 3\n")
