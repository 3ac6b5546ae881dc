"""What a node keeps of a child is bounded by the node's own instruments, whatever the child names."""

from ticktrail._routes.child import Child
from ticktrail._routes.parts import keys_of
from unit.routes.laws import BTC, ETH, batch, trade


def note(child, at_ns, *ticks, bad=()):
    one = batch(0, at_ns, *ticks, bad=bad)
    child.note(one, keys_of(one.ticks))


def test_of_a_name_that_nobody_asked_for_nothing_is_kept():
    """Neither of what is rejected nor of what passes; memory stays as it was, and the share is counted."""
    child = Child(reject_window=10, instruments=(BTC,))
    for number in range(1_000):
        note(child, number, trade(f"X{number}/USDT"), bad=[f"Y{number}/USDT"] * 4)
    for kept in (child.heard_ns, child.unanswered, child.last_ns, child._by_instrument, child._refused):
        assert not kept
    assert child.is_wrong(0.5)
    note(child, 2_000, trade(BTC), bad=[BTC])
    assert child.heard_ns.keys() == child._by_instrument.keys() == {BTC}


def test_what_the_node_routes_may_change():
    """One that is added is kept from then on, one that goes no more."""
    child = Child(reject_window=10, instruments=(BTC,))
    child.keep(frozenset({ETH}))
    note(child, 1, trade(BTC), trade(ETH), bad=[BTC, ETH])
    assert child.heard_ns.keys() == child._by_instrument.keys() == {ETH}
