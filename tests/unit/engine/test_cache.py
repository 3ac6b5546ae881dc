"""The latest values: whatever comes in which order, the cache says what a list of everything would."""

import hypothesis.strategies as st
import msgspec
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ticktrail._engine.cache import LatestCache
from ticktrail.model import CHANNEL_OF, AggTrade, Bar, Quote, Ticker, Trade
from ticktrail.testing import (
    make_agg_trade,
    make_bar,
    make_book_snapshot,
    make_gap,
    make_quote,
    make_ticker,
    make_trade,
    one_of_each,
)

TTL_S = 10
MOST = 5
MARKETS = ("A", "B", "C")
MAKE = (make_trade, make_agg_trade, make_quote, make_ticker, make_bar)
CHANNELS = [CHANNEL_OF[kind] for kind in (Trade, AggTrade, Quote, Ticker, Bar)]
S = 1_000_000_000


class Against(RuleBasedStateMachine):
    """A list of everything that was delivered, in order, is searched from its end."""

    def __init__(self):
        super().__init__()
        self.cache = LatestCache(ttl_s=TTL_S, max_entries=MOST)
        self.now_ns = 0
        self.delivered = []
        self.lost_ns = -1

    @rule(what=st.lists(st.tuples(st.sampled_from(MARKETS), st.sampled_from(MAKE)), max_size=12))
    def note(self, what):
        ticks = [msgspec.structs.replace(make(), instrument=market) for market, make in what]
        self.cache.note([make_gap(), *ticks, make_book_snapshot()], self.now_ns)
        self.delivered += [(tick, self.now_ns) for tick in ticks]

    @rule(seconds=st.sampled_from([1, 9, 10, 11]))
    def wait(self, seconds):
        self.now_ns += seconds * S

    @rule()
    @precondition(lambda self: self.delivered)
    def lose(self):
        assert [id(tick) for tick in self.cache.lose_all(self.now_ns)] == [
            id(tick) for tick, _ in reversed(self.model().values())
        ]
        self.lost_ns = self.now_ns

    def model(self):
        """The newest value of each key, the last renewed first, no more than there may be."""
        found = {}
        for tick, at_ns in reversed(self.delivered):
            key = (tick.instrument, CHANNEL_OF[type(tick)])
            if key not in found:
                if len(found) == MOST:
                    break
                found[key] = (tick, at_ns)
        return found

    @invariant()
    def agrees(self):
        known = self.model()
        assert len(self.cache) == len(known)
        for market in MARKETS:
            for channel in CHANNELS:
                latest = self.cache.get(market, channel, self.now_ns)
                if (market, channel) not in known:
                    assert latest is None
                    continue
                tick, at_ns = known[market, channel]
                assert latest.tick is tick
                assert latest.age_s == (self.now_ns - at_ns) / S
                assert latest.is_stale == (latest.age_s > TTL_S or at_ns <= self.lost_ns)


TestAgainst = Against.TestCase


def cache():
    return LatestCache(ttl_s=TTL_S, max_entries=MOST)


def test_what_is_no_value_by_itself_is_not_kept():
    """Of all kinds five are; a book's last change, a gap or a status says nothing alone."""
    kept = LatestCache(ttl_s=TTL_S, max_entries=100)
    kept.note(one_of_each(), 0)
    assert len(kept) == 5


@st.composite
def runs(draw):
    """Trades of one instrument, live or fetched, at whatever time; and how they are cut into batches."""
    trades = draw(
        st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12).map(
            lambda pairs: [
                make_trade(id=number, event_ns=at, backfilled=late) for number, (at, late) in enumerate(pairs)
            ]
        )
    )
    return trades, draw(st.integers(1, 12))


@given(runs())
def test_what_is_fetched_late_does_not_take_a_newer_one_s_place(run):
    """However it is cut into batches: a live tick always does, a fetched one where it is no older."""
    trades, size = run
    kept = cache()
    for start in range(0, len(trades), size):
        kept.note(trades[start : start + size], 0)
    newest = trades[0]
    for trade in trades[1:]:
        if not trade.backfilled or trade.event_ns >= newest.event_ns:
            newest = trade
    assert kept.get("BTC/USDT", "trades", 0).tick is newest
