"""What is held back for a hand-over: what of it is told as lost, where no hand-over ever asks for it."""

import msgspec

from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.settings import HybridSettings
from ticktrail.plugin import Lost, RouteContext, Suppress
from ticktrail.testing import make_bar
from unit.routes.laws import BTC, ETH, LEGS, LONGEST_NS, NAMES, SOL, S, Stage, trade
from unit.routes.test_hybrid_instruments import arbiter


def lost(rulings):
    return [(one.instrument, one.channel) for one in rulings if isinstance(one, Lost)]


def reasons(rulings):
    return [one.reason for one in rulings if isinstance(one, Suppress)]


def flow(stage, first, last, standby):
    """The speaker brings one instrument, the standby others, more of them than can be held."""
    found = []
    for tenth in range(first, last):
        found += stage.at(tenth / 10, 0, trade(SOL, tenth))
        for name in standby:
            found += stage.at(tenth / 10, 1, trade(name, tenth))
        found += stage.time(tenth / 10)
    return found


def test_what_the_bound_dropped_and_nobody_delivered_is_told():
    """No switch follows, since one instrument alone is not proven silent by so few; the loss is told all the same."""
    stage = Stage(arbiter(handover_ticks=2, stale_after_s={"trades": 1_000, "quotes": 1_000}))
    stage.node._hand._longest_ns = LONGEST_NS
    found = flow(stage, 1, 5, (BTC, ETH))
    assert "handover_full" in reasons(found)
    assert lost(found) == []
    assert set(lost(flow(stage, 5, 60, (SOL,)))) == {(BTC, "trades"), (ETH, "trades")}
    assert lost(flow(stage, 60, 120, (SOL,))) == []


def test_what_is_dropped_all_the_time_is_told_as_well():
    """Each drop is newer than the one before, and the first is as old as ever."""
    stage = Stage(arbiter(handover_ticks=1, stale_after_s={"trades": 1_000, "quotes": 1_000}))
    stage.node._hand._longest_ns = LONGEST_NS
    assert set(lost(flow(stage, 1, 100, (BTC,)))) == {(BTC, "trades")}


def test_what_the_bound_dropped_and_the_speaker_brought_is_no_loss():
    """Then a copy was dropped."""
    stage = Stage(arbiter(handover_ticks=1))
    found = []
    for tenth in range(1, 100):
        found += stage.at(tenth / 10, 1, trade(BTC, tenth), trade(ETH, tenth))
        found += stage.at(tenth / 10, 0, trade(BTC, tenth), trade(ETH, tenth))
        found += stage.time(tenth / 10)
    assert "handover_full" in reasons(found)
    assert lost(found) == []


def bars(**more):
    context = RouteContext(children=LEGS[:2], channels=frozenset({"bars"}), instruments=NAMES)
    return HybridArbiter(HybridSettings(chain=LEGS[:2], **more), context)


def bar(minute, *, final=True):
    return msgspec.structs.replace(
        make_bar(instrument=BTC), start_ns=minute * 60 * S, end_ns=(minute + 1) * 60 * S, final=final
    )


def test_a_bar_that_the_speaker_brought_earlier_is_answered():
    """A standby that is later than the overlap brings the very bar that was delivered."""
    stage = Stage(bars())
    found = []
    for minute in range(5):
        found += stage.at(60 * minute + 60, 0, bar(minute))
        found += stage.at(60 * minute + 63, 1, bar(minute))
        found += stage.time(60 * minute + 95)
    assert set(reasons(found)) == {"standby"}
    assert lost(found) == []


def test_a_bar_that_nobody_delivered_is_lost():
    """The speaker skips one."""
    stage = Stage(bars())
    found = []
    for minute in range(4):
        if minute != 2:
            found += stage.at(60 * minute + 60, 0, bar(minute))
        found += stage.at(60 * minute + 63, 1, bar(minute))
        found += stage.time(60 * minute + 95)
    assert reasons(found).count("unanswered") == 1
    assert lost(found) == [(BTC, "bars")]


def test_a_bar_of_which_only_a_beginning_was_delivered_is_lost():
    """The speaker never told how it ended."""
    stage = Stage(bars())
    stage.at(62.5, 0, bar(0, final=False))
    stage.at(63, 1, bar(0))
    assert lost(stage.time(95)) == [(BTC, "bars")]
