"""A merge that has nodes below it: what is told of them, whichever child they are."""

import msgspec
import pytest

from ticktrail._engine.tree import Hole, Tree
from ticktrail.plugin import Forward
from ticktrail.testing import make_bar, make_trade
from unit.routes.test_reassign import BTC, ETH, S, batch, plan, tree

HYBRID = '{ kind = "hybrid", primary = "b", fallback = "c", handover_ticks = 1 }'


@pytest.mark.parametrize("legs", [f'"a", {HYBRID}', f'{HYBRID}, "a"'])
def test_what_is_lost_below_any_child_of_a_merge_is_told(tmp_path, legs):
    """Its trades are delivered beside the other's; bars are lost to the one who leads alone."""
    node = tree(tmp_path, f'route = {{ kind = "merge", legs = [{legs}] }}\n', BTC)
    for leg in "abc":
        node.on_up(leg, 0)
    node.on_batch("b", batch("b", make_trade(id=1), at_s=1), S)
    for at_s in (2, 3, 4):
        node.on_batch("c", batch("c", make_trade(id=at_s), make_bar(), at_s=at_s), at_s * S)
    holes = [one for one in node.on_down("b", "cut", 5 * S) if isinstance(one, Hole)]
    assert Hole("c", BTC, "trades") in holes
    assert (Hole("c", BTC, "bars") in holes) == legs.startswith("{")


SPLIT = '{ kind = "split", parts = [{ child = "b", instruments = ["ETH/*"] }, { child = "c", instruments = ["*"] }] }'


class Shared:
    """A merge whose legs are of one venue."""

    def __init__(self, tmp_path, legs):
        made = plan(tmp_path, f'route = {{ kind = "merge", legs = [{legs}] }}\n', BTC, ETH)
        self.node = Tree(made.route, made.channels, dict.fromkeys("abc", "one"))
        for leg in self.node._leaves:
            self.node.on_up(leg, 0)

    def bring(self, leg, at_s, session_s, *names):
        """Return by instrument since when what goes on was listened to."""
        ticks = [make_trade(id=at_s, instrument=name, provider=leg) for name in names]
        given = msgspec.structs.replace(batch(leg, *ticks, at_s=at_s), session_ns=session_s * S)
        return {
            tick.instrument: one.batch.session_ns // S
            for one in self.node.on_batch(leg, given, at_s * S)
            if isinstance(one, Forward)
            for tick in one.batch.ticks
        }

    def cut(self, leg, at_s):
        self.node.on_down(leg, "cut", at_s * S)

    def up(self, leg, at_s):
        self.node.on_up(leg, at_s * S)


@pytest.mark.parametrize("legs", [f'"a", {SPLIT}', f'{SPLIT}, "a"'])
def test_a_part_that_is_down_covers_nothing(tmp_path, legs):
    """A split that goes on without one of its legs hides no hole of another child on what that leg brought."""
    merge = Shared(tmp_path, legs)
    merge.bring("a", 1, 1, BTC, ETH)
    merge.bring("b", 2, 1, ETH)
    merge.bring("c", 3, 1, BTC)
    merge.cut("b", 4)
    merge.cut("a", 5)
    merge.up("a", 6)
    assert merge.bring("a", 7, 6, BTC, ETH) == {BTC: 1, ETH: 6}
    merge.up("b", 8)
    assert merge.bring("b", 9, 8, ETH) == {ETH: 6}


def test_a_leg_that_came_back_covers_what_is_quiet(tmp_path):
    """It listens from its first batch of that session on, whatever that is of."""
    merge = Shared(tmp_path, '"a", "b"')
    merge.bring("a", 1, 1, BTC, ETH)
    merge.bring("b", 2, 1, BTC, ETH)
    for at_s, leg in ((3, "a"), (6, "b")):
        merge.cut(leg, at_s)
        merge.up(leg, at_s + 1)
        assert merge.bring(leg, at_s + 2, at_s + 1, BTC) == {BTC: 1}
    assert merge.bring("b", 9, 7, ETH) == {ETH: 1}
