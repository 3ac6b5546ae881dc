"""The ``[validation]`` table: classes, instruments, and what a rule's findings do."""

import pytest

from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail._plan.model import Validation
from ticktrail.errors import ConfigError
from ticktrail.events import PluginQuarantined
from unit.plan import acme
from unit.plan.conftest import HEAD

ONE = "[providers.acme]\n"
THREE = HEAD.replace('"ETH/USDT"]', '"ETH/USDT", "ETH/BTC"]')


def spreads(feed):
    (rule,) = [rule for rule in feed.rules if rule.spec.name == "spread"]
    return {name: str(settings.max_spread) for name, settings in rule.settings.items()}


def faults(caught):
    return [problem.partition("feed.toml:")[2] for problem in caught.value.problems]


def test_a_class_stands_between_the_feed_and_an_instrument(plan):
    """What is said of an instrument goes first, then of its class, then of the feed; keys are taken one by one."""
    feed = plan(
        ONE + "[validation]\nmax_spread = 0.10\nmin_price = 1\n"
        '[validation.classes.ether]\ninstruments = ["ETH/*"]\nmax_spread = 0.20\nmin_price = 2\n'
        '[validation.instruments."ETH/BTC"]\nmax_spread = 0.30\n',
        head=THREE,
    )
    assert spreads(feed) == {"BTC/USDT": "0.10", "ETH/USDT": "0.20", "ETH/BTC": "0.30"}
    (prices,) = [rule for rule in feed.rules if rule.spec.name == "price_range"]
    assert {name: own.min_price for name, own in prices.settings.items()} == {
        "BTC/USDT": 1,
        "ETH/USDT": 2,
        "ETH/BTC": 2,
    }


def test_classes_may_overlap_where_they_do_not_contradict(plan):
    """One key each is no conflict; the same key in two classes of one instrument is."""
    text = (
        ONE + '[validation.classes.ether]\ninstruments = ["ETH/*"]\nmax_spread = 0.20\n'
        '[validation.classes.dollar]\ninstruments = ["*/USDT"]\nmin_price = 3\n'
    )
    assert spreads(plan(text))["ETH/USDT"] == "0.20"
    with pytest.raises(ConfigError) as caught:
        plan(text + "max_spread = 0.30\n")
    (fault,) = faults(caught)
    assert fault.startswith("13: [validation.classes.dollar] max_spread: ETH/USDT is in class ether too")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[validation.classes.x]\ninstruments = ["SOL/*"]\n', "no instrument of the feed is meant by SOL/*"),
        (
            '[validation.classes.x]\ninstruments = ["BTC/*", "SOL/USDT"]\n',
            "no instrument of the feed is meant by SOL/USDT",
        ),
        ('[validation.rules.cross_venue]\naction = "quarantine"\n', "would silence all of them"),
        ("[validation.classes.x]\ninstruments = []\n", "instruments: means nobody; name some of BTC/USDT"),
        ("[validation.classes.x]\nmax_spread = 0.1\n", "the key instruments is missing"),
        (
            '[validation.classes.x]\ninstruments = ["*"]\nmax_sprad = 1\n',
            "unknown key; did you mean max_spread?",
        ),
        ('[validation.classes.x]\ninstruments = ["*"]\nmax_spread = 5\n', "must be less than 2"),
        ('[validation.rules.sprad]\naction = "flag"\n', 'there is no rule "sprad"; did you mean spread?'),
        ('[validation.instruments."btc/usdt"]\nmax_spread = 1\n', "did you mean BTC/USDT?"),
        (
            '[validation.classes.x]\ninstrument = ["*"]\ninstruments = ["*"]\n',
            "unknown key; did you mean instruments?",
        ),
        ('[validation.rules.spread]\naction = "drop"\n', 'write "reject", "flag", "quarantine"'),
        ('[validation.rules.spread]\nlevel = "high"\n', "unknown key"),
        ("[validation]\nquarantine_s = 0\n", "quarantine_s"),
    ],
)
def test_what_is_wrong_is_told_in_its_place(plan, text, fault):
    """One fault, with its line, its key, and what would be right."""
    with pytest.raises(ConfigError) as caught:
        plan(ONE + text)
    (found,) = faults(caught)
    assert fault in found


def test_a_fault_of_one_class_hides_none_of_another(plan):
    """Nor does a class without members, and no layer repeats what the one below it is blamed for."""
    with pytest.raises(ConfigError) as caught:
        plan(
            ONE + '[validation.classes.x]\nmax_spread = "x"\n'
            '[validation.classes.y]\ninstruments = ["ETH/*"]\nmin_price = "y"\nmax_price_jump = 7\n'
            "jump_confirm_ticks = 1\n"
            '[validation.instruments."ETH/USDT"]\nmax_price = -1\nmax_age_s = "z"\nmax_price_jump = 0.5\n'
        )
    found = [fault.partition(": ")[0] + fault.partition("]")[2].partition(":")[0] for fault in faults(caught)]
    assert found == [
        "7",
        "8 max_spread",
        "11 min_price",
        "12 max_price_jump",
        "13 jump_confirm_ticks",
        "15 max_price",
        "16 max_age_s",
    ]


@pytest.mark.parametrize(
    ("table", "key", "says"),
    [
        (
            'classes.x]\ninstruments = ["*"]',
            "quarantine_s = 3",
            "is the same for all instruments; write it in [validation]",
        ),
        ('instruments."BTC/USDT"]', "max_rule_failures = 3", "is the same for all instruments"),
        (
            'instruments."BTC/USDT"]',
            'rules.spread.action = "flag"',
            "write it as [validation.rules.NAME], a table",
        ),
    ],
)
def test_what_cannot_differ_between_instruments_is_told_where_it_belongs(plan, table, key, says):
    """The key is known, and stands in the wrong table."""
    with pytest.raises(ConfigError) as caught:
        plan(ONE + f"[validation.{table}\n{key}\n")
    (fault,) = faults(caught)
    assert says in fault


def test_feeds_may_share_a_rule_set(plan):
    """One of several patterns may mean nobody."""
    feed = plan(ONE + '[validation.classes.x]\ninstruments = ["*/EUR", "ETH/*"]\nmax_spread = 0.2\n')
    assert spreads(feed)["ETH/USDT"] == "0.2"


def test_what_a_finding_does_is_the_feeds_to_say(plan):
    """A rule's own choice stands until the feed file says otherwise."""
    feed = plan(
        ONE + "[validation]\nquarantine_s = 5\nmax_rule_failures = 2\n"
        '[validation.rules.spread]\naction = "quarantine"\n[validation.rules.price_jump]\nseverity = "critical"\n'
    )
    found = {rule.spec.name: (rule.action, rule.severity) for rule in feed.rules}
    assert found["spread"] == ("quarantine", "warning")
    assert found["price_jump"] == ("reject", "critical")
    assert feed.validation == Validation(quarantine_s=5.0, max_rule_failures=2)


def test_keys_of_a_plugin_that_takes_no_part_are_told_as_such(tmp_path):
    """A rule's settings stand in the file, and its plugin could not be loaded: that is the fault, not the spelling."""
    host = Host.load(plugins={"acme": acme})
    host.quarantined += (
        PluginQuarantined(at_ns=1, name="house", distribution="house-rules", reason="its import fails"),
    )
    path = tmp_path / "feed.toml"
    path.write_text(HEAD + ONE + '[validation]\nhouse_limit = 3\n[validation.rules.house]\naction = "flag"\n')
    with pytest.raises(ConfigError) as caught:
        compose(path, host)
    for fault in faults(caught):
        assert "plugin house (house-rules), which may have it, is quarantined: its import fails" in fault
    assert len(faults(caught)) == 2


TWO = """\
[providers.acme]
[providers.other]
plugin = "acme"
[route]
kind = "hybrid"
primary = "acme"
fallback = "other"
"""
REJECTING = '[validation.rules.cross_venue]\naction = "reject"\n'


def test_a_rule_over_two_legs_that_rejects_is_warned_of(plan):
    """While they disagree both would be kept back; it is allowed all the same."""
    feed = plan(TWO + REJECTING)
    (warning,) = feed.warnings
    assert "[validation.rules.cross_venue]: rejects, and there are two legs" in warning
    assert plan(TWO).warnings == ()
    assert plan(ONE + REJECTING).warnings == ()
