import json
import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._host import Host
from ticktrail._plan import as_json, compose, render
from ticktrail._plan.render import _plain
from ticktrail._plan.schema import feed_schema
from ticktrail.model import Trade
from ticktrail.plugin import Settings, validator_spec
from unit.host.installed import plugin
from unit.plan import acme
from unit.plan.conftest import HEAD

WHOLE = """\
[route]
kind = "pair"
first = "acme"
second = { kind = "pair", first = "b", second = "c" }
[providers.acme]
key = { env = "ACME_KEY" }
url = "wss://user:hunter2@acme.test/?token=hunter2&depth=3"
[providers.b]
plugin = "acme"
[providers.c]
plugin = "acme"
[providers.d]
plugin = "acme"
[validation]
max_spread = 0.10
[validation.instruments."ETH/USDT"]
max_spread = false
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[watch]
database = "postgresql://u:hunter2@db/x"
key = { file = "k" }
"""


def test_the_text_shows_the_graph(plan):
    """The route as a tree, each leg with its provider, each rule with its limits and where they differ."""
    text = render(plan(WHOLE))
    assert "feed btc (development)\n" in text
    assert "  pair: after_s = 10.0\n  ├─ acme: provider acme, gives quotes, trades; key = {" in text
    assert "\n  └─ pair (cold): after_s = 10.0\n     ├─ b: " in text
    assert "\n     └─ c (cold): " in text
    assert (
        "\n  spread       rejects (warning): max_spread = 0.10\n               ETH/USDT: max_spread = false\n"
        in text
    )
    assert "feed.toml:17: [providers.d]: is declared" in text


def rules(text):
    """Return the lines of each rule, by name."""
    found = {}
    for line in text.partition("\nrules\n")[2].splitlines():
        if not line.startswith("  "):
            break
        name, _, said = line[2:].partition(" ")
        if name:
            found[name] = []
        found[name or next(reversed(found))].append(said.strip())
    return found


def test_the_feed_s_own_values_stand_first_and_then_what_differs(plan):
    """Even where no instrument has the feed's own; a class stands before an instrument, with the keys that it sets."""
    text = render(
        plan(
            "[providers.acme]\n[validation]\nmin_price = 1\n"
            '[validation.classes.all]\ninstruments = ["*"]\nmin_price = 2\nmax_spread = false\n'
            '[validation.instruments."ETH/USDT"]\nmax_price = 9\n'
        )
    )
    assert rules(text)["price_range"] == [
        "rejects (warning): min_price = 1, max_price = 1000000",
        "class all: min_price = 2",
        "ETH/USDT: max_price = 9",
    ]
    assert "\nclasses\n  all  BTC/USDT, ETH/USDT\n" in text


def test_a_rule_that_finds_nothing_is_not_said_to_do_anything(plan):
    """It is off, or the feed lacks what it judges; and one may be on for a few only."""
    found = rules(
        render(
            plan(
                "[providers.acme]\n[validation]\nmax_spread = false\nmax_age_s = false\n"
                '[validation.instruments."ETH/USDT"]\nmax_age_s = 5\n'
                '[validation.rules.staleness]\naction = "flag"\n',
                head=HEAD.replace(', "quotes"', ""),
            )
        )
    )
    assert found["spread"] == ["off: max_spread = false"]
    assert found["event_drift"] == ["off: max_event_drift_ms = false"]
    assert found["bar"] == ["judges nothing, since the feed has no bars: consistent_bars = true"]
    assert found["staleness"] == [
        "off but for those below, where it flags (warning): max_age_s = false",
        "ETH/USDT: max_age_s = 5",
    ]
    for rule in ("frozen", "cross_venue", "id_gap"):  # there are no quotes, one leg, and ids with holes
        assert found[rule][0].startswith("judges nothing, since no leg or channel of the feed gives it"), rule
    assert found["size"] == ["rejects (warning): positive_size = true"]


@pytest.mark.parametrize("action", ["reject", "flag", "quarantine"])
def test_what_a_rule_does_is_what_is_shown(plan, action):
    """Of every rule that stands on legs, whatever it does by itself."""
    host = Host.load()
    on_legs = [name for name, spec in host.rules().items() if spec.scope == "leg"]
    tables = "".join(f'[validation.rules.{name}]\naction = "{action}"\n' for name in on_legs)
    feed = plan("[providers.acme]\n" + tables)
    found = rules(render(feed))
    for rule in feed.rules:
        said = found[rule.spec.name][0]
        idle = said.startswith(("off: ", "judges nothing"))
        verb = {"reject": "rejects", "flag": "flags", "quarantine": "quarantines"}[rule.action]
        assert idle or said.startswith(verb), said
        assert rule.spec.scope == "route" or rule.action == action


def test_a_class_that_sets_nothing_is_warned_of(plan):
    """It looks like a limit, and is none."""
    feed = plan('[providers.acme]\n[validation.classes.x]\ninstruments = ["ETH/*"]\n')
    (warning,) = feed.warnings
    assert "feed.toml:7: [validation.classes.x]: sets no limit" in warning


def test_members_of_a_class_are_named_up_to_ten(plan):
    """And the others counted."""
    names = [f"A{number:02}/USDT" for number in range(12)]
    head = HEAD.replace('["BTC/USDT", "ETH/USDT"]', json.dumps(names))
    text = render(
        plan('[providers.acme]\n[validation.classes.x]\ninstruments = ["*"]\nmax_spread = 1\n', head=head)
    )
    assert f"  x  {', '.join(names[:10])} and 2 more\n" in text


def test_a_rule_that_cannot_be_opened_is_left_to_the_run(tmp_path):
    """`check` shows the file; what a rule's own defect breaks is told when the feed opens."""

    def broken(settings, context):
        raise RuntimeError("no")

    class Broken(Settings, frozen=True):
        house_limit: int = 1

    spec = validator_spec(name="house", summary="x", settings=Broken, open=broken, ticks=(Trade,))
    path = tmp_path / "feed.toml"
    path.write_text(HEAD + "[providers.acme]\n", encoding="utf-8")
    house = plugin(ticktrail_validators=lambda: [spec])
    text = render(compose(path, Host.load(plugins={"acme": acme, "house": house})))
    assert rules(text)["house"] == ["rejects (warning): house_limit = 1"]


def test_a_leg_with_receive_times_of_its_own_says_so(tmp_path):
    """Rules that compare times go by the recorder's clock."""
    (tmp_path / "r.jsonl").write_text("", encoding="utf-8")
    path = tmp_path / "feed.toml"
    for more, says in (("", "offset is not known;"), ("recorder_offset_ms = 1.5\n", "offset is 1.5 ms;")):
        path.write_text(HEAD + '[providers.replay]\npath = "r.jsonl"\n' + more, encoding="utf-8")
        assert f"receive times of its own, whose {says}" in render(compose(path))


def test_no_secret_is_shown(plan):
    """References are shown as references; a password inside of an address is masked; in both forms."""
    feed = plan(WHOLE)
    for form in (render(feed), as_json(feed).decode()):
        assert "hunter2" not in form
        assert '"env":"ACME_KEY"' in form
        assert "wss://user:***@acme.test/?token=***&depth=3" in form


@given(
    st.text(st.sampled_from("abc:/@?&=%#"), max_size=12),
    st.sampled_from(["://u:S3CRET@h/", "?key=S3CRET", "://u:a@S3CRET@h"]),
)
def test_no_password_is_shown_whatever_stands_before_it(before, secret):
    """The mask does not depend on how the address begins."""
    assert "S3CRET" not in _plain(f"x{before} x{secret}")


def test_the_json_form_is_one_object(plan):
    """Machines get the same plan: route, legs, rules by instrument, sinks, plugins, warnings."""
    found = json.loads(as_json(plan(WHOLE)))
    assert found["route"]["children"][1]["children"] == [{"leg": "b"}, {"leg": "c"}]
    assert found["route"]["settings"] == {"after_s": 10.0}
    assert list(found["legs"]) == ["acme", "b", "c"]
    assert found["rules"]["spread"] == {
        "scope": "leg",
        "action": "reject",
        "severity": "warning",
        "idle": None,
        "feed": {"max_spread": "0.10"},
        "differs": {"ETH/USDT": {"max_spread": False}},
        "settings": {"BTC/USDT": {"max_spread": "0.10"}, "ETH/USDT": {"max_spread": False}},
    }
    assert found["sinks"]["jsonl"]["queue_ticks"] == 10_000
    assert found["observers"]["watch"]["key"] == {"file": "k"}
    assert len(found["warnings"]) == 1


def test_the_schema_has_every_table_and_key():
    """An editor is told of core's tables and of those of the plugins; decimals may be numbers."""
    schema = msgspec.json.decode(feed_schema(Host.load(plugins={"acme": acme})))
    tables = schema["properties"]
    for name, keys in tomllib.loads(WHOLE).items():
        assert name in tables
        if name in {"validation", "watch"}:
            assert set(keys) <= set(tables[name]["properties"])
    assert tables["validation"]["properties"]["max_price_jump"]["anyOf"][0]["type"] == ["number", "string"]
    assert "decimal" not in json.dumps(schema)
    (leg,) = [
        one for one in tables["providers"]["additionalProperties"]["anyOf"] if "depth" in one["properties"]
    ]
    assert leg["properties"]["plugin"] == {"const": "acme"}
    assert schema["additionalProperties"] is False
    pairs = [one for one in tables["route"]["anyOf"] if "after_s" in one.get("properties", {})]
    assert set(pairs[0]["required"]) == {"kind", "first", "second"}
    sinks = tables["sinks"]["items"]["anyOf"]
    assert {"jsonl"} <= {one["properties"]["plugin"]["const"] for one in sinks}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "no leg of the route has a history of trades; take the table out"),
        ('channels = ["bars"]', "the feed has none of its channels, bars; take the table out"),
    ],
)
def test_a_repair_that_fills_nothing_is_told(plan, table, says):
    """The graph shows the table, and the warnings where it is of no use."""
    composed = plan(f"[providers.acme]\n[repair]\n{table}\n")
    text = render(composed)
    assert "  repair      " in text
    assert f"feed.toml:7: [repair]: fills nothing: {says}" in text
    assert json.loads(as_json(composed))["repair"]["within_s"] == 5.0
