import hashlib
import tomllib
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ticktrail._host import Host
from ticktrail._plan import as_json, compose, render
from ticktrail._plan.model import BackoffSettings, ClockSettings, Limits
from ticktrail.errors import ConfigError, PluginError
from ticktrail.model import Trade
from ticktrail.plugin import Capabilities, Settings, provider_spec, route_spec, sink_spec, validator_spec
from unit.host.installed import plugin
from unit.plan import acme
from unit.plan.conftest import HEAD
from unit.settings.toml import toml

ONE = "[providers.acme]\n"
PAIR = "[route]\nkind='pair'\n"
TWO = "[providers.acme]\n[providers.b]\nplugin = 'acme'\n"


def faults(caught, plan=None):
    return [problem.partition("feed.toml:")[2] for problem in caught.value.problems]


def test_the_least_feed_is_whole(plan, tmp_path):
    """One provider and nothing else: it is the route, and all else has defaults."""
    feed = plan(ONE)
    assert (feed.name, feed.profile) == ("btc", "development")
    assert feed.instruments == ("BTC/USDT", "ETH/USDT")
    assert feed.channels == {"trades", "quotes"}
    assert feed.route.leg == "acme"
    assert [leg.name for leg in feed.legs] == ["acme"]
    assert (feed.clock, feed.backoff, feed.limits) == (ClockSettings(), BackoffSettings(), Limits())
    assert (feed.sinks, feed.observers, feed.warnings) == ((), (), ())
    assert feed.base_dir == tmp_path
    assert feed.settings_sha256 == hashlib.sha256((tmp_path / "feed.toml").read_bytes()).hexdigest()


def test_a_table_is_its_own_plugins_name_unless_it_says_otherwise(plan):
    """`plugin` names the provider; several legs may have the same one under different settings."""
    feed = plan(PAIR + "first='acme'\nsecond='b'\n[providers.acme]\n[providers.b]\nplugin='acme'\ndepth=5\n")
    assert [(leg.name, leg.spec.name, leg.settings.depth) for leg in feed.legs] == [
        ("acme", "acme", 10),
        ("b", "acme", 5),
    ]


def test_a_route_nests(plan):
    """Children are nodes or legs, in the order of their spec; the legs of the plan follow the tree."""
    feed = plan(
        PAIR
        + "first={ kind='pair', first='c', second='a', after_s=2.5 }\nsecond='b'\n"
        + "".join(f"[providers.{name}]\nplugin='acme'\n" for name in "abc")
    )
    top, inner = feed.route, feed.route.children[0]
    assert [leg.name for leg in feed.legs] == ["c", "a", "b"]
    assert inner.settings.after_s == 2.5
    assert top.cold == {1}
    assert [child.leg for child in inner.children] == ["c", "a"]
    assert inner.label == "pair(c, a)"


def test_a_node_of_a_plugin_needs_children(tmp_path):
    """Its settings may let there be none; a feed cannot route what nobody brings."""

    class ManySettings(Settings, frozen=True):
        children: tuple[str, ...] = ()

    def routes():
        return [
            route_spec(
                kind="many",
                summary="",
                settings=ManySettings,
                children=lambda given: given.children,
                open=acme.unopened,
            )
        ]

    path = tmp_path / "feed.toml"
    path.write_text(HEAD + "[providers.acme]\n[route]\nkind = 'many'\n")
    host = Host.load(plugins={"acme": acme, "many": plugin(ticktrail_routes=routes)})
    with pytest.raises(ConfigError, match=r"7: \[route\]: the many node has no children; name a leg"):
        compose(path, host)


def test_a_route_may_be_one_name(plan):
    """The short form names a leg; what stands outside of the route is told, and is no error."""
    feed = plan(TWO, above='route = "b"\n')
    assert feed.route.leg == "b"
    assert [leg.name for leg in feed.legs] == ["b"]
    assert [warning.partition("feed.toml:")[2] for warning in feed.warnings] == [
        "7: [providers.acme]: is declared, and stands nowhere in the route; add it there or remove it"
    ]


def test_rules_differ_by_instrument(plan):
    """Keys stand flat; an override changes its own key and keeps the others; digits stay as written."""
    feed = plan(
        ONE + "[validation]\nmax_spread = 0.10\nmin_price = 1\nmax_age_s = false\n"
        '[validation.instruments."ETH/USDT"]\nmax_price = "5.50"\n'
    )
    rules = {rule.spec.name: rule.settings for rule in feed.rules}
    assert str(rules["spread"]["BTC/USDT"].max_spread) == "0.10"
    assert rules["staleness"]["ETH/USDT"].max_age_s is False
    assert rules["price_range"]["BTC/USDT"].max_price == Decimal(1_000_000)
    assert str(rules["price_range"]["ETH/USDT"].max_price) == "5.50"
    assert rules["price_range"]["ETH/USDT"].min_price == 1


def test_an_override_is_judged_together_with_what_it_overrides(plan):
    """A limit that fits alone and contradicts the table above it is refused where the override stands."""
    with pytest.raises(ConfigError) as caught:
        plan(ONE + '[validation]\nmin_price = 10\n[validation.instruments."ETH/USDT"]\nmax_price = 5\n')
    (fault,) = faults(caught)
    assert fault.startswith('10: [validation.instruments."ETH/USDT"] max_price: ')
    assert "min_price 10 is above max_price 5" in fault


def test_a_fault_of_the_rules_is_told_once(plan):
    """An override of a rule whose common table is at fault does not repeat the fault."""
    with pytest.raises(ConfigError) as caught:
        plan(ONE + '[validation]\nmin_price = "x"\n[validation.instruments."ETH/USDT"]\nmax_price = 5\n')
    assert len(faults(caught)) == 1


def test_a_fault_of_a_leg_or_lane_hides_no_other(plan):
    """Core's keys and the plugin's stand in one table, and the faults of both are told."""
    with pytest.raises(ConfigError) as caught:
        plan(
            "[providers.acme]\nequivalents = 3\ndepht = 1\n"
            "[[sinks]]\nplugin = 'jsonl'\nqueue_ticks = 0\npath = 3\n"
        )
    assert [fault.partition(": ")[0] for fault in faults(caught)] == ["7", "8", "11", "12"]


def test_a_provider_says_which_key_is_at_fault(tmp_path):
    """What it finds in its table as a whole may name a key: the fault is then told in that key's place."""

    def refuse(settings, context):
        raise ConfigError("depth: is too deep; make it flat", "no key: of this table")

    spec = provider_spec(
        name="picky",
        summary="x",
        settings=acme.AcmeSettings,
        open=acme.unopened,
        describe=acme.describe,
        check=refuse,
    )
    path = tmp_path / "feed.toml"
    path.write_text(HEAD + "[providers.picky]\ndepth = 7\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        compose(path, Host.load(plugins={"picky": plugin(ticktrail_providers=lambda: [spec])}))
    assert faults(caught) == [
        "6: [providers.picky]: no key: of this table",
        "7: [providers.picky] depth: is too deep; make it flat",
    ]


def test_sinks_and_observers(plan):
    """Lane keys are core's, the others the sink's; an observer is opened where its table stands."""
    feed = plan(
        ONE + "[[sinks]]\nplugin='jsonl'\npath='a'\nqueue_ticks=7\non_overflow='halt'\nmax_block_s=2\n"
        "[[sinks]]\nplugin='jsonl'\nname='two'\npath='b'\n[watch]\ndatabase='sqlite://'\nkey={ file='k' }\n"
    )
    assert [(sink.name, sink.settings.path, sink.queue_ticks, sink.on_overflow) for sink in feed.sinks] == [
        ("jsonl", "a", 7, "halt"),
        ("two", "b", 10_000, "block"),
    ]
    assert [sink.max_block_s for sink in feed.sinks] == [2, 15]
    assert [observer.spec.name for observer in feed.observers] == ["watch"]


@pytest.mark.parametrize("seconds", ["0", "-1", "3600.5"])
def test_how_long_a_sink_is_waited_for_has_bounds(plan, seconds):
    """Never, and for more than an hour, are other policies."""
    with pytest.raises(ConfigError, match="max_block_s"):
        plan(ONE + f"[[sinks]]\nplugin='jsonl'\npath='a'\nmax_block_s={seconds}\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1: the file: the table [providers.NAME] is missing; add one"),
        (TWO, "1: the file: the table [route] is missing; with 2 providers (acme, b) it must say"),
        ("[route]\nkind='pear'\n" + TWO, '7: [route] kind: there is no route kind "pear"; did you mean pair?'),
        ("[route]\nfirst='acme'\n" + TWO, "6: [route]: the key kind is missing; write kind = "),
        ("[route]\nkind=1\n" + TWO, "6: [route]: the key kind is no text; write kind = "),
        (PAIR + "first='acne'\nsecond='b'\n" + TWO, '8: [route] first: there is no leg "acne"; did you mean acme?'),
        (PAIR + "first='b'\nsecond='b'\n" + TWO, '8: [route] first: leg "b" stands in the route already'),
        (PAIR + "first=5\nsecond='b'\n" + TWO, "8: [route] first: expected a text in quotes or a table, found"),
        ("[providers]\n", "1: the file: the table [providers.NAME] is missing"),
        ("[providers]\nacme = 3\n", "7: [providers] acme: is a whole number; it must be a table"),
        ("[providers.x]\nplugin='acmee'\n", '7: [providers.x] plugin: there is no provider "acmee"; did you mean'),
        ("[providers.acmee]\n", '6: [providers.acmee]: there is no provider "acmee"; did you mean acme?'),
        ("[providers.acme]\nborrows='zz'\n", '6: [providers.acme]: there is no provider "zz"'),
        (ONE + "[sinks]\nplugin='jsonl'\n", "7: [sinks]: is one table; write [[sinks]], in double brackets"),
        (ONE + "[[sinks]]\nplugin='jsnl'\n", '8: [[sinks]] 1 plugin: there is no sink "jsnl"; did you mean jsonl?'),
        (ONE + "[wach]\n", '7: [wach]: there is no table "wach"; did you mean watch?'),
        (ONE + "[watch]\nkey='x'\n", "7: [watch]: the key database is missing; add database = "),
        (ONE + "[backoff]\nfirst_s=9\ncap_s=3\n", "8: [backoff] first_s: first_s 9.0 is above cap_s 3.0; swap them"),
        (ONE + "[limits]\nintake_batches=0\n", "8: [limits] intake_batches: expected a whole number >= 1"),
        (ONE + "[validation]\ninstruments = 3\n", "8: [validation] instruments: is a whole number; it must be a table"),
        (ONE + "[plugins]\nallow = ['no-such']\n", '8: [plugins] allow[1]: no plugin of a distribution "no-such"'),
        ("[providers.'a b']\nplugin='acme'\n", "6: [providers.\"a b\"]: a leg's name must be 1 to 64"),
        (ONE + "[plugins]\nallow = 'x'\n", "8: [plugins] allow: expected an array, found a text in quotes"),
    ],
)  # fmt: skip
def test_a_fault_of_the_whole_names_its_place(plan, text, fault):
    """What only the composition can know is told as the rest: line, table, key, remedy."""
    with pytest.raises(ConfigError) as caught:
        plan(text)
    assert faults(caught)[0].startswith(fault)


def test_all_faults_are_told_from_the_top_down(plan):
    """A wrong feed table hides neither the providers' faults nor the rules', and lines come in order."""
    with pytest.raises(ConfigError) as caught:
        plan(
            "[limits]\nstop_s = 0\n[providers.acme]\ndepth = 'x'\n[validation]\nmax_spred = 1\n[[sinks]]\nname = 'y'\n",
            head="[feed]\nname = 'bad name!'\ninstruments = ['A', 'A']\nchannels = ['trades', 'book']\n",
        )
    lines = [int(fault.partition(":")[0]) for fault in faults(caught)]
    assert lines == sorted(lines)
    assert {6, 8, 10, 11} < set(lines)


WORDS = """
acme b backoff borrows channels clock database depth env feed file first instruments key kind limits max_spread
min_price name pace plugin plugins profile providers route second sinks tags url validation watch X
"""
KEYS = st.sampled_from(WORDS.split())
LEAVES = st.one_of(
    st.sampled_from(["acme", "b", "pair", "X", "trades", "jsonl", "", "\x00", "é"]),
    st.integers(-(10**400), 10**400),
    st.integers(0, 9),
    st.booleans(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=9,
)
WHOLE = tomllib.loads(
    HEAD + "[route]\nkind='pair'\nfirst='acme'\nsecond='b'\n[providers.acme]\n[providers.b]\nplugin='acme'\n"
    "[validation.instruments.'ETH/USDT']\nmax_spread=1\n[[sinks]]\nplugin='jsonl'\npath='x'\n"
)


@pytest.fixture(scope="module")
def host():
    return Host.load(plugins={"acme": acme})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_toml_is_a_plan_or_faults(tmp_path, host, tables, legs):
    """Whatever stands in a file of TOML, composing it gives a plan or faults with their lines, and nothing else."""
    path = tmp_path / "feed.toml"
    tree = WHOLE | tables
    if legs:
        tree["providers"] = legs
    path.write_text(
        "\n".join(f"{toml(key)} = {toml(value)}" for key, value in tree.items()), encoding="utf-8"
    )
    try:
        feed = compose(path, host)
    except ConfigError as exc:
        problems = exc.problems
    else:
        assert render(feed)
        assert as_json(feed)
        return
    assert problems
    for problem in problems:
        line, _, text = problem.removeprefix(f"{path}:").partition(": ")
        assert 1 <= int(line) <= len(tree)
        assert text
        assert "\n" not in text


def test_a_broken_description_is_the_plugins_fault(tmp_path):
    """A provider that fails to say what it can do is named; the exception does not come through bare."""

    def describe(settings, registry):
        raise ZeroDivisionError("never")

    spec = provider_spec(name="odd", summary="", settings=Settings, open=acme.unopened, describe=describe)
    (tmp_path / "feed.toml").write_text(
        "[feed]\nname='x'\ninstruments=['A']\nchannels=['trades']\n[providers.odd]\n"
    )
    host = Host.load(plugins={"odd": plugin(ticktrail_providers=lambda: [spec])})
    with pytest.raises(
        PluginError, match=r"provider odd cannot say what it can do \(ZeroDivisionError: never\)"
    ):
        compose(tmp_path / "feed.toml", host)


def test_keys_of_core_are_not_for_plugins(tmp_path):
    """A rule, sink or provider whose settings claim a key that is taken is refused, and named."""

    class Taken(Settings, frozen=True):
        plugin: str = ""
        max_spread: int = 1

    rule = validator_spec(name="mine", summary="", settings=Taken, open=lambda s, c: None, ticks=(Trade,))
    sink = sink_spec(name="mine", summary="", settings=Taken, open=acme.never_entered)
    provider = provider_spec(
        name="mine",
        summary="",
        settings=Taken,
        open=acme.unopened,
        describe=lambda s, r: Capabilities(channels=frozenset({"trades"})),
    )
    path = tmp_path / "feed.toml"
    path.write_text(
        "[feed]\nname='x'\ninstruments=['A']\nchannels=['trades']\n[providers.mine]\n[[sinks]]\nplugin='mine'\n"
    )
    for plugins, said in (
        (
            {"m": plugin(ticktrail_validators=lambda: [rule]), "a": acme},
            "rules spread and mine both claim the key",
        ),
        ({"m": plugin(ticktrail_providers=lambda: [provider])}, "provider mine claims the key plugin"),
        ({"m": plugin(ticktrail_sinks=lambda: [sink])}, "sink mine claims the key plugin"),
    ):
        with pytest.raises(PluginError, match=said):
            compose(path, Host.load(plugins=plugins))


@pytest.mark.parametrize("policy", ["drop_oldest", "halt"])
def test_a_limit_to_a_wait_that_never_happens_is_warned_of(plan, policy):
    """With its place; where the route does wait, there is nothing to tell."""
    lane = f'[[sinks]]\nplugin = "console"\nmax_block_s = 3\non_overflow = "{policy}"\n'
    (warning,) = plan(ONE + lane).warnings
    assert "max_block_s: has no effect, since with on_overflow" in warning
    assert plan(ONE + lane.replace(policy, "block")).warnings == ()
    assert plan(ONE + lane.replace("max_block_s = 3\n", "")).warnings == ()
