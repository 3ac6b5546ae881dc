"""A split: each leg is asked for its own instruments alone, and each instrument has one."""

import pytest

from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.errors import ConfigError
from unit.engine import stage

HEAD = """\
[feed]
name = "split"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT", "AAPL"]
channels = ["trades"]
[clock]
servers = []
[providers.a]
plugin = "scripted"
script = "a"
[providers.b]
plugin = "scripted"
script = "b"
[providers.c]
plugin = "scripted"
script = "c"
"""


def plan(tmp_path, route):
    path = tmp_path / "feed.toml"
    path.write_text(HEAD + route, encoding="utf-8")
    return compose(path, Host.load(plugins={"stage": stage}))


def test_each_leg_is_asked_for_its_part(tmp_path):
    """By name or pattern, the first that means it; below a part may be a node of its own."""
    feed = plan(
        tmp_path,
        '[route]\nkind = "split"\n[[route.parts]]\nchild = "a"\ninstruments = ["AAPL"]\n'
        '[[route.parts]]\nchild = { kind = "hybrid", primary = "b", fallback = "c" }\ninstruments = ["*"]\n',
    )
    assert {leg.name: leg.instruments for leg in feed.legs} == {
        "a": ("AAPL",),
        "b": ("BTC/USDT", "ETH/USDT"),
        "c": ("BTC/USDT", "ETH/USDT"),
    }


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ([("a", ["AAPL"]), ("b", ["BTC/*"])], "no part of the split means ETH/USDT; add it to one"),
        ([("a", ["*"]), ("b", ["SOL/*"])], "a part of the split means none of the instruments (SOL/*)"),
        ([("a", ["*"]), ("x", ["*"])], '[[route.parts]] 2 child: there is no leg "x"'),
        ([("a", ["*"]), ("a", ["*"])], 'leg "a" stands in the route already'),
        ([], "parts: is empty"),
    ],
)
def test_what_does_not_add_up_is_told(tmp_path, parts, fault):
    """With its place."""
    tables = "".join(f'[[route.parts]]\nchild = "{child}"\ninstruments = {names}\n' for child, names in parts)
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path, '[route]\nkind = "split"\n' + (tables or "parts = []\n"))
    assert any(fault in problem for problem in caught.value.problems), caught.value.problems
