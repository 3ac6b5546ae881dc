"""Two versions of a feed file differ in keys: which of them a running feed can take, and where the others stand."""

import pytest

from ticktrail._plan.difference import differences
from ticktrail._settings.document import read_document

FILE = """\
[feed]
name = "x"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades"]
[providers.a]
path = "a"
equivalents = { "BTC/USDT" = "BTC/USD" }
[providers.b]
path = "b"
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
[validation]
max_spread = 0.1
[cache]
ttl_s = 5
[[sinks]]
plugin = "jsonl"
path = "one"
[[sinks]]
plugin = "jsonl"
path = "two"
"""


def found(tmp_path, *changes):
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    text = FILE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    old.write_text(FILE)
    new.write_text(text)
    return differences(read_document(old), read_document(new))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("0.1", "0.2", "[validation] max_spread changed"),
        ("max_spread = 0.1\n", "", "[validation] max_spread taken out"),
        ("[validation]\n", "[backoff]\ncap_s = 5\n[validation]\n", "[backoff] added"),
        ("ttl_s = 5", "ttl_s = 6", "[cache] ttl_s changed"),
        ("ttl_s = 5", "ttl_s = 5\nmax_entries = 9", "[cache] max_entries added"),
        ("[cache]", "[limits]\nstop_s = 3\n[cache]", None),
        ('"ETH/USDT"]', '"SOL/USDT"]', "[feed] instruments changed"),
        ("[cache]", '[validation.instruments."ETH/USDT"]\nmax_spread = 1\n[cache]', None),
    ],
)
def test_limits_and_instruments_apply(tmp_path, before, after, told):
    """Each key that differs is told once."""
    (one,) = found(tmp_path, (before, after))
    if told is None:
        assert one.applies == (one.at[0] == "validation")
    else:
        assert (one.applies, one.text) == (True, told)


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ('name = "x"', 'name = "y"', "new.toml:2: [feed] name: changed"),
        ('["trades"]', '["trades", "quotes"]', "new.toml:4: [feed] channels: changed"),
        ('path = "b"', 'path = "c"', "new.toml:9: [providers.b] path: changed"),
        ('fallback = "b"', 'chain = ["b"]', "new.toml:13: [route] chain: added"),
        ('path = "two"', 'path = "2"', "new.toml:23: [[sinks]] 2 path: changed"),
        ('[[sinks]]\nplugin = "jsonl"\npath = "two"\n', "", "[[sinks]] 2: taken out"),
        ("[cache]\nttl_s = 5\n", "", "[cache]: taken out"),
        ('BTC/USD"', 'BTC/EUR"', '[providers.a.equivalents] "BTC/USDT": changed'),
        ("[validation]", "[other]\nkey = 1\n[validation]", "new.toml:14: [other]: added"),
    ],
)
def test_all_else_needs_a_restart_and_is_told_with_its_line(tmp_path, before, after, place):
    """And with what to do; never with a value."""
    refused = [one for one in found(tmp_path, (before, after)) if not one.applies]
    assert any(place in one.text for one in refused), [one.text for one in refused]
    assert all(", which needs a restart: stop the feed and run it anew" in one.text for one in refused)
    assert not any(value in one.text for one in refused for value in ('"y"', '"c"', '"2"'))


def test_an_equivalent_comes_with_its_instrument(tmp_path):
    """For one that stays it would be another market from one tick to the next."""
    apart = found(
        tmp_path,
        ('"ETH/USDT"]', '"ETH/USDT", "SOL/USDT"]'),
        ('"BTC/USD" }', '"BTC/USD", "SOL/USDT" = "SOL/USD" }'),
        ('path = "b"', 'path = "b"\nequivalents = { "SOL/USDT" = "SOL/EUR" }'),
    )
    assert [one.applies for one in apart] == [True, True, True]


def test_equal_files_do_not_differ(tmp_path):
    """Whatever their comments, their order and the spelling of their numbers."""
    assert found(tmp_path, ("ttl_s = 5", "ttl_s = 5.0 # seconds"), ("[cache]", "\n[cache]")) == ()
