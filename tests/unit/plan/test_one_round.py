"""A fault in one table hides none in another: all that can be found is told in one round, and nothing that follows."""

import pytest

from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.errors import ConfigError
from ticktrail.plugin import provider_spec
from unit.host.installed import plugin
from unit.plan import acme
from unit.plan.conftest import HEAD

NO_LEG = """[route]
kind = "pair"
first = "acmee"
second = "b"
"""
LEGS = """[providers.acme]
depth = 7
[providers.b]
plugin = "acme"
depth = 7
"""


def picky(settings, context):
    if settings.depth == 7:
        raise ConfigError(f"depth: is too deep for {len(context.instruments)} and {sorted(context.channels)}")


HOST = {
    "acme": plugin(
        ticktrail_providers=lambda: [
            provider_spec(
                name="acme",
                summary="x",
                settings=acme.AcmeSettings,
                open=acme.unopened,
                describe=acme.describe,
                check=picky,
            )
        ],
        ticktrail_routes=acme.ticktrail_routes,
    )
}


@pytest.fixture
def faults(tmp_path):
    def told(text):
        path = tmp_path / "feed.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            compose(path, Host.load(plugins=HOST))
        return [problem.partition("feed.toml:")[2] for problem in caught.value.problems]

    return told


def test_a_fault_of_the_route_hides_none_of_its_legs(faults):
    """A leg that is named beside one that is not there is asked; one that nobody names is not."""
    route, leg = faults(HEAD + NO_LEG + LEGS)
    assert 'there is no leg "acmee"' in route
    assert leg == "14: [providers.b] depth: is too deep for 2 and ['quotes', 'trades']"


def test_a_fault_of_a_node_hides_none_below_it(faults):
    """Its children are looked through as far as it is plain which they are."""
    inner = '{ kind = "pair", first = "c", second = "b", after_s = "x" }'
    text = f'[route]\nkind = "pair"\nfirst = "acme"\nsecond = {inner}\nafter_s = false\n'
    found = faults(HEAD + text + LEGS)
    assert [one.partition(": ")[2].partition(":")[0] for one in found] == [
        "[route.second] after_s",
        "[route.second] first",
        "[route] after_s",
        "[providers.acme] depth",
        "[providers.b] depth",
    ]
    found = faults(HEAD + text.replace('first = "acme"', 'frist = "acme"') + LEGS)
    assert any("[route.second] after_s" in one for one in found)
    assert any("[route.second] first" in one for one in found)


@pytest.mark.parametrize(
    ("there", "here", "asked"),
    [
        ('name = "btc"', 'name = "bad name!"', "2 and ['quotes', 'trades']"),
        ('name = "btc"\n', "", "2 and ['quotes', 'trades']"),
        ('"quotes"', '"qoutes"', "2 and ['trades']"),
        ('"development"', '"devel"', "2 and ['quotes', 'trades']"),
    ],
)
def test_a_fault_of_the_feed_table_hides_none_of_its_legs(faults, there, here, asked):
    """They are asked with what of it is not at fault."""
    found = faults(HEAD.replace(there, here) + LEGS.partition("[providers.b]")[0])
    assert len(found) == 2
    assert found[1].endswith(f"[providers.acme] depth: is too deep for {asked}")


def test_without_instruments_nothing_is_said_of_them(faults):
    """What could only follow from a fault is not told; what does not is."""
    text = HEAD.replace('"ETH/USDT"', "5").replace('"development"', '"production"')
    legs = '[providers.acme]\nsynthetic = true\nequivalents = { "X" = "Y" }\n'
    rules = '[validation.instruments."X"]\nmax_spred = 1\n'
    found = faults(text + legs + rules)
    for fault in ("[feed] instruments", "makes its data up", "max_spred", "journals"):
        assert sum(fault in one for one in found) == 1
    assert len(found) == 4
    assert not any("no instrument" in one or "no such" in one for one in found)


def test_a_leg_that_cannot_be_asked_hides_no_other(faults):
    """One whose own table does not fit the feed is told so, and the others are asked."""
    legs = LEGS.replace("depth = 7", 'equivalents = { "X" = "Y" }', 1)
    found = faults('route = { kind = "pair", first = "acme", second = "b" }\n' + HEAD + legs)
    assert ['"X" is no instrument' in found[0], "b] depth: is too deep" in found[1]] == [True, True]
