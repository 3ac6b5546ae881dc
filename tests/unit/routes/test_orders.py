"""What a person tells a route: done where it can be, refused where it would change nothing, and seen afterwards."""

import pytest

from ticktrail._engine.node import Spoke
from ticktrail._routes.canary import CanaryArbiter, CanarySettings
from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.merge import MergeSettings
from ticktrail._routes.settings import HybridSettings
from ticktrail.errors import RouteError
from ticktrail.plugin import RouteContext
from unit.routes.test_reassign import BTC, CANARY, ETH, HYBRID, MERGE, NESTED, SOL, S, plan, speaking, tree

SPLIT = (
    'route = { kind = "hybrid", fallback = "c", primary = { kind = "split", parts = '
    '[{ child = "a", instruments = ["BTC/USDT"] }, { child = "b", instruments = ["*"] }] } }\n'
)
UNDER_CANARY = (
    'route = { kind = "hybrid", fallback = "c", primary = '
    '{ kind = "canary", incumbent = "a", candidate = "b", steps = [50, 100] } }\n'
)


def up(node):
    for leg in "abc":
        if leg in node._leaves:
            node.on_up(leg, 0)
    return node


def test_a_pin_is_seen_until_it_is_undone(tmp_path):
    """At each node on the way, by child; a switch undoes it as well."""
    node = up(tree(tmp_path, NESTED, BTC, ETH))
    node.steer("pin", "b", [ETH], S)
    top, inner = node.status()
    assert (dict(top.pinned), dict(inner.pinned)) == ({"hybrid(a, b)": [ETH]}, {"b": [ETH]})
    node.steer("unpin", None, None, S)
    assert not any(one.pinned for one in node.status())
    node.steer("pin", "c", None, S)
    assert dict(node.status()[0].pinned) == {"c": [BTC, ETH]}
    node.steer("switch", "a", [BTC], S)
    assert dict(node.status()[0].pinned) == {"c": [ETH]}


def test_a_leg_that_does_not_bring_it_is_not_told_to(tmp_path):
    """Nothing would change, and somebody would believe it."""
    node = up(tree(tmp_path, SPLIT, BTC, ETH))
    with pytest.raises(RouteError, match="b does not bring BTC/USDT; it brings ETH/USDT"):
        node.steer("switch", "b", [BTC], S)
    with pytest.raises(RouteError, match="a is the only leg of this route"):
        up(tree(tmp_path, 'route = "a"\n', BTC)).steer("switch", "a", None, S)


def test_a_candidate_without_its_share_is_not_switched_to_past_its_canary(tmp_path):
    """The canary refuses, and what stands above it stays as it is."""
    node = up(tree(tmp_path, UNDER_CANARY, BTC, ETH, SOL))
    node.on_down("a", "cut", S)
    node.on_down("b", "cut", S)
    node.on_up("a", 2 * S)
    node.on_up("b", 2 * S)
    before = speaking(node)
    assert set(before.values()) == {"c"}
    with pytest.raises(RouteError, match="a canary node is told to promote"):
        node.steer("switch", "b", None, 3 * S)
    assert speaking(node) == before


def test_what_speaks_at_the_same_time_is_shown_so(tmp_path):
    """And of whom books are, where the feed has any; a canary's share."""
    (merged,) = up(tree(tmp_path, MERGE, BTC, ETH)).status()
    assert (merged.speakers, merged.apart, merged.state) == ({"a": 2, "b": 2}, {}, {})
    (canary,) = up(tree(tmp_path, CANARY, BTC, ETH)).status()
    assert canary.state["share"] == "50 % of 50, 100 (start)"
    assert canary.state["candidate"].endswith("of 2 instruments")


def test_voices_are_those_of_whom_something_may_be_delivered(tmp_path):
    """Of a merge all, of others the one who speaks; of a split the part's."""
    assert up(tree(tmp_path, MERGE, BTC)).voices(BTC) == {"a", "b"}
    assert up(tree(tmp_path, HYBRID, BTC)).voices(BTC) == {"a"}
    node = up(tree(tmp_path, SPLIT, BTC, ETH))
    assert (node.voices(BTC), node.voices(ETH)) == ({"a"}, {"b"})
    node.steer("switch", "c", [ETH], S)
    assert (node.voices(BTC), node.voices(ETH)) == ({"a"}, {"c"})


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        (HybridSettings, {"primary": "a", "fallback": "b"}),
        (CanarySettings, {"incumbent": "a", "candidate": "b"}),
    ],
)
def test_a_limit_is_laid_over_the_usual_ones(settings, more):
    """One key changes one limit, and ``false`` takes one away."""
    usual = {"trades": 30.0, "quotes": 10.0, "ticker": 30.0, "book": 10.0}
    assert settings(**more).stale_after_s == usual
    own = settings(**more, stale_after_s={"ticker": 3.0, "book": False, "bars": 90.0})
    assert own.stale_after_s == {**usual, "ticker": 3.0, "book": False, "bars": 90.0}


def test_a_limit_of_false_is_none():
    """Whatever the silence."""
    context = RouteContext(children=("a", "b"), channels=frozenset({"trades", "quotes"}), instruments=(BTC,))
    table = HybridSettings(primary="a", fallback="b", stale_after_s={"quotes": False})
    assert HybridArbiter(table, context)._limits_ns == {"trades": 30 * S}
    assert MergeSettings(legs=("a", "b"), stale_after_s={"book": False}).stale_after_s == {
        "quotes": 10.0,
        "ticker": 30.0,
        "book": False,
    }


def test_a_session_is_lost_once_however_often_it_cannot_be_opened_anew():
    """And resting by order is no loss: both sides are counted alike."""
    context = RouteContext(children=("a", "b"), channels=frozenset({"trades"}), instruments=(BTC,))
    node = CanaryArbiter(CanarySettings(incumbent="a", candidate="b", steps=(100.0,)), context)
    for child in (0, 1):
        node.on_up(child, 0)
        for attempt in range(1, 6):
            node.on_down(child, "cut", attempt)
    assert [side.totals(10).failures for side in node._sides] == [1, 1]
    for child in (0, 1):
        node.on_up(child, 20)
    node.on_down(0, "leg 'a': resting", 21)
    assert [side.totals(30).failures for side in node._sides] == [1, 1]


def spoke(decisions):
    return [
        (one.from_leg, one.to_leg, one.cause, one.on_air, one.instruments)
        for one in decisions
        if isinstance(one, Spoke)
    ]


def test_a_leg_deep_in_a_route_is_pinned_by_one_switch(tmp_path):
    """Both nodes above it have it speak; who spoke before on the air is who it takes the turn of, and nobody else."""
    node = up(tree(tmp_path, NESTED, BTC, ETH))
    node.steer("switch", "c", None, S)
    assert spoke(node.steer("pin", "b", [ETH], S)) == [("c", "b", "by hand: pin", True, (ETH,))]
    assert spoke(node.steer("pin", "a", [ETH], S)) == [("b", "a", "by hand: pin", True, (ETH,))]
    assert speaking(node) == {BTC: "c", ETH: "a"}


def test_a_switch_names_the_leg_that_it_leaves(tmp_path):
    """Of parts that were lost one after the other each went for its own reason, not for the last one's."""
    node = up(tree(tmp_path, SPLIT, BTC, ETH))
    assert spoke(node.on_down("a", "leg 'a': refused", S)) == []
    assert spoke(node.on_down("b", "leg 'b': cut", 2 * S)) == [
        ("a", "c", "down: leg 'a': refused", True, (BTC,)),
        ("b", "c", "down: leg 'b': cut", True, (ETH,)),
    ]


def test_a_speaker_that_was_lost_first_is_named(tmp_path):
    """The standby below the same node was wrong and could not take its turn; when it goes too, the node is lost."""
    node = up(tree(tmp_path, NESTED, BTC))
    inner = node._nodes[0].arbiter
    inner._children[1]._rejects.add(0, 1_000)
    assert spoke(node.on_down("a", "leg 'a': cut", S)) == []
    assert spoke(node.on_down("b", "leg 'b': gone", 2 * S)) == [
        ("a", "c", "down: leg 'a': cut", True, (BTC,))
    ]


def test_a_pin_goes_with_its_instrument(tmp_path):
    """One that the feed has no more is pinned to nobody."""
    node = up(tree(tmp_path, HYBRID, BTC, ETH))
    node.steer("pin", "b", None, S)
    node.reassign(plan(tmp_path, HYBRID, BTC).route, 2 * S)
    assert dict(node.status()[0].pinned) == {"b": [BTC]}
