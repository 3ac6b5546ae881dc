"""Which legs are opened anew where one is silent: that one, and none that is well."""

import pytest

from ticktrail._engine.tree import LegOrder
from ticktrail.plugin import Batch, Reconnect
from ticktrail.testing import make_quote, make_trade
from unit.routes.test_reassign import BTC, S, tree

PATIENT = "stale_after_s = { trades = 60, quotes = 60 }"
HASTY = "stale_after_s = { trades = 2, quotes = 1 }"
INNER = f'{{ kind = "hybrid", primary = "a", fallback = "b", {PATIENT} }}'
ROUTE = f'route = {{ kind = "hybrid", primary = {INNER}, fallback = "c", {HASTY} }}\n'


def reopened(decisions):
    return [one.leg for one in decisions if isinstance(one, LegOrder) and isinstance(one.ruling, Reconnect)]


def run(node, quiet, first=10, last=30):
    """Each tenth of a second every leg brings a trade, and after the first a quote if it is none of the quiet ones."""
    found = []
    for tenth in range(first, last):
        at_ns = tenth * S // 10
        for leg in "abc":
            ticks = [make_trade(id=tenth, provider=leg)]
            if leg not in quiet or tenth == 10:
                ticks.append(make_quote(update_id=tenth, provider=leg))
            given = Batch(provider=leg, recv_ns=at_ns, mono_ns=at_ns, session_ns=1, ticks=ticks)
            node.on_batch(leg, given, at_ns)
        found += reopened(node.on_time(at_ns))
    return found


@pytest.mark.parametrize(("quiet", "again"), [("a", ["a"]), ("ab", ["a", "b"]), ("b", []), ("abc", [])])
def test_of_a_node_that_is_silent_the_silent_legs_are_opened_anew(tmp_path, quiet, again):
    """One below it that brings what is wanted stays as it is, though it does not speak."""
    node = tree(tmp_path, ROUTE, BTC)
    for leg in "abc":
        node.on_up(leg, 0)
    assert run(node, quiet) == again


def test_one_that_came_a_moment_ago_is_not_silent_yet(tmp_path):
    """It has had no time to bring anything."""
    node = tree(tmp_path, ROUTE, BTC)
    for leg in "abc":
        node.on_up(leg, 0)
    run(node, "ab", last=15)
    node.on_down("b", "cut", 15 * S // 10)
    node.on_up("b", 16 * S // 10)
    assert run(node, "ab", first=17) == ["a"]
