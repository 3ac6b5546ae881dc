"""A primary that is connected and wrong on one channel: it loses its turn, and what nobody delivered is told."""

from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.settings import HybridSettings
from ticktrail.model import Rejected
from ticktrail.plugin import Batch, Lost, RouteContext, Suppress
from ticktrail.testing import make_bar
from unit.routes.laws import BTC, ETH, LEGS, LIMITS_S, NAMES, Bad, S, Stage, forwarded, moves, quote, trade


def arbiter(**more):
    table = {
        "chain": LEGS[:2],
        "stale_after_s": LIMITS_S,
        "failback_after_s": 3.0,
        "overlap_s": 0.5,
        "reject_window": 10,
        "start_grace_s": 1.0,
        **more,
    }
    channels = frozenset({"trades", "quotes", "bars"})
    context = RouteContext(children=LEGS[:2], channels=channels, instruments=NAMES)
    return HybridArbiter(HybridSettings(**table), context)


def speaks(stage, seconds, child, *ticks, bad=()):
    """Let a child bring ticks of which the `bad` ones are rejected."""
    at = round(seconds * S)
    rejected = [Rejected(tick=tick, violations=(Bad(),)) for tick in bad]
    batch = Batch(provider=LEGS[child], recv_ns=at, mono_ns=at, session_ns=0, ticks=ticks, rejected=rejected)
    return stage.take(stage.node.on_batch(child, batch, at))


def reasons(rulings):
    return [one.reason for one in rulings if isinstance(one, Suppress)]


def lost(rulings):
    return [(one.instrument, one.channel) for one in rulings if isinstance(one, Lost)]


def test_one_channel_that_is_rejected_costs_the_turn():
    """However many good ticks the others bring beside it, and before the silence of that channel is noticed."""
    stage = Stage(arbiter(stale_after_s={"trades": 60.0, "quotes": 60.0}))
    moved = []
    for number in range(1, 13):
        seconds = number / 10
        speaks(stage, seconds, 1, quote(BTC, number), trade(BTC, number))
        bad = [quote(name, number) for name in (BTC, ETH)] if number % 2 else [quote(BTC, number)]
        good = [trade(name, number) for name in NAMES for _ in range(5)]
        moved += moves(speaks(stage, seconds, 0, *good, bad=bad))
    assert moved == [(1, "reject_rate", None)]


def test_a_channel_without_a_limit_moves_by_what_is_refused():
    """Three bars refused that another brought well: no silence would tell it, and a window takes hours to fill."""
    stage = Stage(arbiter())
    moved = []
    for minute in range(1, 6):
        speaks(stage, 60 * minute, 0, trade(BTC, minute), trade(ETH, minute))
        speaks(stage, 60 * minute, 1, make_bar(instrument=BTC), trade(ETH, minute), trade(BTC, minute))
        moved += [
            (minute, *one) for one in moves(speaks(stage, 60 * minute, 0, bad=[make_bar(instrument=BTC)]))
        ]
    assert moved == [(3, 1, "reject_rate", frozenset({BTC}))]


def test_it_does_not_come_back_while_the_next_ones_are_refused():
    """One good one, and so long in health: then it does, though a window is far from full."""
    stage = Stage(arbiter(reject_window=1_000))
    for minute in range(1, 4):
        speaks(stage, minute, 1, make_bar(instrument=BTC))
        speaks(stage, minute, 0, trade(BTC, minute), trade(ETH, minute), bad=[make_bar(instrument=BTC)])
    found = []
    for tenth in range(30, 150):
        bars = {"bad": [make_bar(instrument=BTC)]} if tenth < 90 else {}
        good = [] if tenth < 90 else [make_bar(instrument=BTC)]
        for child in (0, 1):
            more = bars if child == 0 else {}
            own = good if child == 0 else [make_bar(instrument=BTC)]
            speaks(stage, tenth / 10, child, trade(BTC, tenth), trade(ETH, tenth), *own, **more)
        found += [(tenth, to) for to, _, _ in moves(stage.time(tenth / 10))]
    assert found == [(120, 0)]


def test_one_refused_bar_moves_nothing():
    """Nor do three with a good one between."""
    stage = Stage(arbiter())
    for minute in range(1, 9):
        speaks(stage, 60 * minute, 1, make_bar(instrument=BTC))
        good, bad = ([], [make_bar(instrument=BTC)]) if minute % 3 else ([make_bar(instrument=BTC)], [])
        assert not moves(speaks(stage, 60 * minute, 0, trade(BTC, minute), *good, bad=bad))


def test_what_the_speaker_never_answers_is_lost():
    """Held for longer than any silence: the next of that channel begins with a gap."""
    stage = Stage(arbiter())
    speaks(stage, 1, 0, trade(BTC, 1))
    speaks(stage, 1.2, 1, make_bar(instrument=BTC), trade(BTC, 1))
    speaks(stage, 3, 0, trade(BTC, 2))
    found = stage.time(20)
    assert reasons(found) == ["unanswered"]
    assert lost(found) == [(BTC, "bars")]


def test_what_came_with_the_speakers_last_is_not():
    """Within the overlap it may be the same thing: a thin market, and nothing after it."""
    stage = Stage(arbiter())
    speaks(stage, 1, 0, trade(BTC, 1))
    speaks(stage, 1.3, 1, trade(BTC, 1))
    found = stage.time(20)
    assert reasons(found) == ["standby"]
    assert lost(found) == []


def test_what_had_no_room_is_lost_where_a_hand_over_needs_it():
    """And only there: where the speaker passed it, nothing is."""
    stage = Stage(arbiter(handover_ticks=2))
    speaks(stage, 1, 0, trade(BTC, 1), trade(ETH, 1))
    for number in range(2, 6):
        speaks(stage, 1.2 + number / 10, 1, trade(BTC, number))
    speaks(stage, 1.8, 1, trade(ETH, 2))
    assert reasons(stage.rulings) == ["handover_full"] * 3
    speaks(stage, 2.4, 0, trade(ETH, 2))
    found = stage.take(stage.node.on_down(0, "cut", 3 * S))
    assert lost(found) == [(BTC, "trades")]
    assert [tick.id for _, tick in forwarded(found)] == [5]
    assert isinstance(found[1], Lost), "it stands before what is delivered"
