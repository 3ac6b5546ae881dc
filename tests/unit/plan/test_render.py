import json
import tomllib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._host import Host
from ticktrail._plan import as_json, render
from ticktrail._plan.render import _plain
from ticktrail._plan.schema import feed_schema
from unit.plan import acme

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
    assert "feed btc (production)\n" in text
    assert "  pair: after_s = 10.0\n  ├─ acme: provider acme, gives quotes, trades; key = {" in text
    assert "\n  └─ pair (cold): after_s = 10.0\n     ├─ b: " in text
    assert "\n     └─ c (cold): " in text
    assert "spread       rejects (warning): max_spread = 0.10; ETH/USDT: max_spread = false\n" in text
    assert "feed.toml:16: [providers.d]: is declared" in text


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
