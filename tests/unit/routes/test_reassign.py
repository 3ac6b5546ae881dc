"""Other instruments at a node that runs: what is held back of those that go is given up, whoever speaks goes on."""

import pytest

from ticktrail._engine.node import Spoke
from ticktrail._engine.tree import Tree
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.errors import RouteError
from ticktrail.plugin import Batch, Forward, Suppress, route_spec
from ticktrail.testing import make_quote, make_trade
from unit.engine import stage

BTC, ETH, SOL, XRP = "BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"
S = 1_000_000_000
LEGS = "".join(f'[providers.{name}]\nplugin = "scripted"\nscript = "{name}"\n' for name in "abc")
HEAD = """\
[feed]
name = "reassign"
profile = "development"
instruments = [{}]
channels = ["trades", "quotes"]
[clock]
servers = []
"""
HYBRID = 'route = { kind = "hybrid", primary = "a", fallback = "b" }\n'
CANARY = 'route = { kind = "canary", incumbent = "a", candidate = "b", steps = [50, 100] }\n'
NESTED = 'route = { kind = "hybrid", primary = { kind = "hybrid", primary = "a", fallback = "b" }, fallback = "c" }\n'
MERGE = 'route = { kind = "merge", legs = ["a", "b"] }\n'


def plan(tmp_path, route, *names):
    path = tmp_path / "feed.toml"
    path.write_text(route + HEAD.format(", ".join(f'"{name}"' for name in names)) + LEGS)
    return compose(path, Host.load(plugins={"stage": stage}))


def tree(tmp_path, route, *names):
    made = plan(tmp_path, route, *names)
    return Tree(made.route, made.channels, {leg.name: leg.capabilities.id_space for leg in made.legs})


def batch(leg, *ticks, at_s):
    return Batch(provider=leg, recv_ns=at_s * S, mono_ns=at_s * S, session_ns=1, ticks=ticks)


def speaking(tree):
    """Return who brings each instrument to the outside."""
    return {name: tree._root.speaking(name) for name in tree._root.instruments}


def suppressed(decisions):
    return [
        (decision.reason, tick.instrument, tick.id)
        for decision in decisions
        if isinstance(decision, Suppress)
        for tick in decision.batch.ticks
    ]


def delivers(tree, leg, name, at_s):
    decisions = tree.on_batch(leg, batch(leg, make_trade(id=at_s, instrument=name), at_s=at_s), at_s * S)
    return any(isinstance(decision, Forward) and decision.batch.ticks for decision in decisions)


def test_what_is_held_back_of_one_that_goes_is_given_up(tmp_path):
    """And of one that stays it is delivered at the next hand-over."""
    node = tree(tmp_path, HYBRID, BTC, ETH)
    for leg in "ab":
        node.on_up(leg, 0)
    for name in (BTC, ETH):
        node.on_batch("b", batch("b", make_trade(id=7, instrument=name), at_s=1), S)
    given_up = node.reassign(plan(tmp_path, HYBRID, BTC, SOL).route, S)
    assert suppressed(given_up) == [("unsubscribed", ETH, 7)]
    assert speaking(node) == {BTC: "a", SOL: "a"}
    handed = [one for one in node.on_down("a", "lost", 2 * S) if isinstance(one, Forward)]
    assert [(tick.instrument, tick.id) for one in handed for tick in one.batch.ticks] == [(BTC, 7)]
    assert suppressed(node.drain(3 * S)) == []


@pytest.mark.parametrize("route", [HYBRID, NESTED, MERGE], ids=["hybrid", "nested", "merge"])
def test_an_added_one_is_spoken_for_by_whoever_speaks(tmp_path, route):
    """The first leg is lost: nobody waits for it, and that is told as no switch."""
    node = tree(tmp_path, route, BTC, ETH)
    for leg in "abc" if route is NESTED else "ab":
        node.on_up(leg, 0)
    node.on_down("a", "lost", S)
    decisions = node.reassign(plan(tmp_path, route, BTC, SOL).route, S)
    assert not any(isinstance(decision, Spoke) for decision in decisions)
    assert delivers(node, "b", SOL, 2)
    if route is not MERGE:
        assert speaking(node) == {BTC: "b", SOL: "b"}
        assert not delivers(node, "a", SOL, 3)


@pytest.mark.parametrize("share", [50, 100])
def test_a_canary_s_share_is_of_what_there_is_now(tmp_path, share):
    """By the name alone, as if the feed had been started with it; what the route tells is what the node does."""
    names = (BTC, ETH, SOL, XRP, "ADA/USDT", "LTC/USDT", "DOT/USDT")
    node, fresh = tree(tmp_path, CANARY, BTC), tree(tmp_path, CANARY, *names)
    for one in (node, fresh):
        for leg in "ab":
            one.on_up(leg, 0)
        if share == 100:
            one.steer("promote", None, None, S)
    node.reassign(plan(tmp_path, CANARY, *names).route, S)
    assert speaking(node) == speaking(fresh)
    assert set(speaking(node).values()) == ({"a", "b"} if share == 50 else {"b"})
    for name, leg in speaking(node).items():
        assert delivers(node, leg, name, 5)
        assert not delivers(node, "ab".replace(leg, ""), name, 5)


def test_one_that_was_moved_alone_stays_moved(tmp_path):
    """Who speaks for an instrument that stays is nothing that others change."""
    node = tree(tmp_path, HYBRID, BTC, ETH)
    for leg in "ab":
        node.on_up(leg, 0)
    node.steer("pin", "b", [ETH], S)
    node.reassign(plan(tmp_path, HYBRID, ETH, SOL).route, S)
    assert speaking(node) == {ETH: "b", SOL: "a"}
    assert (delivers(node, "b", ETH, 2), delivers(node, "a", SOL, 2)) == (True, True)


def test_a_merge_shows_nothing_of_one_that_went(tmp_path):
    """Neither when a leg is lost nor when its quote would be too old, and one that comes back begins anew."""
    node = tree(tmp_path, MERGE, BTC, ETH)
    for leg in "ab":
        node.on_up(leg, 0)
        node.on_batch(leg, batch(leg, make_quote(instrument=ETH, provider=leg), at_s=1), S)
    node.reassign(plan(tmp_path, MERGE, BTC).route, S)
    later = [*node.on_time(100 * S), *node.on_down("a", "lost", 101 * S), *node.on_down("b", "lost", 102 * S)]
    assert not any(isinstance(one, Forward) and one.batch.ticks for one in later)
    node.reassign(plan(tmp_path, MERGE, BTC, ETH).route, 103 * S)
    node.on_up("a", 104 * S)
    assert delivers(node, "a", ETH, 105)


def test_a_kind_that_cannot_is_named(tmp_path):
    """It is not reassigned, and a feed with it is started anew."""
    assert tree(tmp_path, NESTED, BTC).fixed == []
    made = plan(tmp_path, HYBRID, BTC)
    bare = route_spec(
        kind="bare", summary="x", settings=type(made.route.settings), children=lambda _: ("a", "b"), open=Bare
    )
    node = Tree(
        type(made.route)(**{**_fields(made.route), "spec": bare}),
        made.channels,
        {leg.name: None for leg in made.legs},
    )
    assert node.fixed == ["bare"]


class Bare:
    up = True

    def __init__(self, settings, context):
        pass


def _fields(node):
    return {name: getattr(node, name) for name in type(node).__slots__}


@pytest.mark.parametrize(
    ("route", "up", "leg", "is_refused"),
    [
        (HYBRID, "ab", "a", False),
        (HYBRID, "a", "a", True),
        (HYBRID, "ab", "b", False),
        (HYBRID, "b", "b", False),  # it speaks for nothing yet
        (NESTED, "ac", "a", False),
        (NESTED, "a", "a", True),
        (NESTED, "abc", "c", False),
        (CANARY, "ab", "a", False),
        (CANARY, "a", "a", True),
        (MERGE, "ab", "a", False),
        (MERGE, "a", "a", True),
        ('route = "a"\n', "a", "a", True),
    ],
)
def test_a_leg_is_drained_where_another_can_speak(tmp_path, route, up, leg, is_refused):
    """When it is down, the other does; a refusal changes nothing."""
    node = tree(tmp_path, route, BTC, ETH)
    for one in up:
        node.on_up(one, 0)
    before = speaking(node)
    if is_refused:
        with pytest.raises(RouteError, match="nobody can take over"):
            node.hand_over(leg, S)
        assert speaking(node) == before
        return
    assert not node.hand_over(leg, S)
    assert speaking(node) == before
    node.on_down(leg, "resting", 2 * S)
    assert leg not in speaking(node).values() or route is MERGE
    others = [one for one in up if one != leg]
    assert all(any(delivers(node, one, name, 3) for one in others) for name in (BTC, ETH) if others)


def test_a_pinned_leg_is_not_drained(tmp_path):
    """Two orders that contradict each other: the person says which."""
    node = tree(tmp_path, HYBRID, BTC)
    for leg in "ab":
        node.on_up(leg, 0)
    node.steer("pin", "b", None, S)
    with pytest.raises(RouteError, match="b is pinned; unpin it first"):
        node.hand_over("b", S)


@pytest.mark.parametrize(
    ("orders", "pinned"),
    [
        ([("pin", None)], {BTC, ETH, SOL}),
        ([("pin", None), ("unpin", [BTC])], {ETH, SOL}),
        ([("pin", None), ("unpin", [BTC, ETH])], set()),
        ([("pin", None), ("unpin", None)], set()),
        ([("pin", [BTC, ETH])], {BTC, ETH}),
        ([("pin", None), ("unpin", None), ("pin", [BTC])], {BTC}),
    ],
)
def test_status_says_of_an_added_one_whether_it_is_pinned(tmp_path, orders, pinned):
    """One that comes under a pin of all is, and the node holds to what the status says."""
    node = tree(tmp_path, HYBRID, BTC, ETH)
    for leg in "ab":
        node.on_up(leg, 0)
    for action, names in orders:
        node.steer(action, "b" if action == "pin" else None, names, S)
    node.reassign(plan(tmp_path, HYBRID, BTC, ETH, SOL).route, 2 * S)
    (status,) = node.status()
    assert {name for names in status.pinned.values() for name in names} == pinned
    assert node._root.arbiter._pins.names == pinned
