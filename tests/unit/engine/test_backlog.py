"""What waits before a sink: bounded whatever is put in, in order, and what was lost is told to the id."""

import hypothesis.strategies as st
import msgspec
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ticktrail._engine.backlog import Backlog
from ticktrail.model import Gap
from ticktrail.testing import make_gap, make_quote, make_switched, make_trade

BOUND = 7
MARKETS = ("BTC/USDT", "ETH/USDT")


def ids_of(ticks, market):
    return [tick.id for tick in ticks if tick.counted_as == "trades" and tick.instrument == market]


class Pushed(RuleBasedStateMachine):
    """Against a model that keeps every tick: what is taken and what gaps tell of are all that was pushed."""

    def __init__(self):
        super().__init__()
        self.backlog = Backlog(BOUND)
        self.pushed = dict.fromkeys(MARKETS, 0)
        self.told = {market: [] for market in MARKETS}
        self.total = self.taken = self.lost = 0

    @rule(markets=st.lists(st.sampled_from(MARKETS), max_size=3 * BOUND))
    def push(self, markets):
        ticks = []
        for market in markets:
            self.pushed[market] += 1
            ticks.append(make_trade(instrument=market, id=self.pushed[market]))
        self.total += len(ticks)
        self.lost += self.backlog.push(0, ticks)

    @rule()
    def take(self):
        taken = [tick for _, batch in self.backlog.take() for tick in batch]
        gaps = self.backlog.gaps()
        self.taken += len(taken)
        for market in MARKETS:
            told = self.told[market]
            for gap in gaps:
                if gap.instrument == market:
                    told.extend(range(gap.from_id, gap.to_id + 1))
            told.extend(ids_of(taken, market))
            assert told == list(range(1, self.pushed[market] + 1))
        assert self.taken + self.lost == self.total

    @invariant()
    def is_bounded(self):
        assert self.backlog.queued <= BOUND


class Conflated(RuleBasedStateMachine):
    """No trade gives way to anything, a quote only to a newer one of its instrument, and the order stays."""

    def __init__(self):
        super().__init__()
        self.backlog = Backlog(BOUND, conflates=True)
        self.number = self.superseded = 0
        self.given = []
        self.seen = []

    @rule(batch=st.lists(st.tuples(st.sampled_from(MARKETS), st.booleans()), max_size=2 * BOUND))
    def offer(self, batch):
        ticks = []
        for market, is_quote in batch:
            self.number += 1
            number = self.number
            ticks.append(
                make_quote(instrument=market, update_id=number)
                if is_quote
                else make_trade(instrument=market, id=number)
            )
        self.given += ticks
        left = ticks
        if not self.backlog.fits(len(ticks)):
            left, superseded = self.backlog.conflate(ticks)
            self.superseded += superseded
        while left := self.backlog.add(0, left):
            self.take()

    @rule()
    def take(self):
        self.seen += [tick for _, batch in self.backlog.take() for tick in batch]

    @invariant()
    def is_bounded(self):
        assert self.backlog.queued <= BOUND

    def teardown(self):
        self.take()
        assert self.backlog.gaps() == []
        order = [id(tick) for tick in self.given]
        places = [order.index(id(tick)) for tick in self.seen]
        assert places == sorted(places)
        assert len(self.seen) + self.superseded == len(self.given)
        missing = set(range(len(self.given))) - set(places)
        for place in missing:
            tick = self.given[place]
            assert tick.counted_as == "quotes"
            later = self.given[place + 1 :]
            assert any(
                other.counted_as == "quotes" and other.instrument == tick.instrument for other in later
            )


TestPushed = Pushed.TestCase
TestConflated = Conflated.TestCase


def test_what_has_no_room_comes_back():
    """As much as fits is queued; the rest is for the caller to keep, in order."""
    backlog = Backlog(5)
    ticks = [make_trade(id=number) for number in range(1, 13)]
    left = backlog.add(0, ticks)
    seen = []
    while True:
        seen += [tick.id for _, batch in backlog.take() for tick in batch]
        if not left:
            break
        left = backlog.add(0, left)
    assert seen == list(range(1, 13))


def test_a_lost_gap_is_told_by_the_next_one():
    """Its hole would be told by nobody else: ids and times of the new gap cover it."""
    backlog = Backlog(2)
    hole = make_gap(from_id=3, to_id=5, recv_ns=9_000_000_000)
    backlog.push(0, [hole])
    backlog.push(0, [make_trade(id=6), make_trade(id=7)])
    backlog.push(0, [make_trade(id=8)])
    (gap,) = backlog.gaps()
    assert isinstance(gap, Gap)
    assert (gap.from_id, gap.to_id, gap.from_ns) == (3, 7, 8_000_000_000)


def test_a_switch_alone_leaves_no_gap():
    """It is counted as lost; no channel has a hole by it."""
    backlog = Backlog(1)
    backlog.push(0, [make_switched()])
    assert backlog.push(0, [make_trade(id=1)]) == 1
    assert backlog.gaps() == []


def test_an_id_that_runs_back_is_no_range():
    """A venue that counted anew among what was lost: the times alone say where the hole is."""
    backlog = Backlog(1)
    for number in (900, 1, 2):
        backlog.push(0, [make_trade(id=number)])
    (gap,) = backlog.gaps()
    assert (gap.from_id, gap.to_id) == (None, None)


def test_a_queue_of_trades_is_not_walked_for_every_quote():
    """A pass that could free next to nothing is not made: what a full lane costs does not grow with its bound."""
    backlog = Backlog(80, conflates=True)
    backlog.push(0, [make_trade(id=number) for number in range(80)])
    quotes = [make_quote(), make_quote()]
    assert backlog.conflate(quotes) == (quotes, 0)
    many = [make_quote() for _ in range(10)]
    left, superseded = backlog.conflate(many)
    assert (left, superseded) == (many[-1:], 9)


def test_the_ids_of_a_gap_are_of_one_leg():
    """Ids of two venues make no range: what was lost of each is told apart, quotes of all legs together."""
    backlog = Backlog(1)
    ticks = [
        make_trade(id=number, provider=leg) for leg, number in [("a", 5), ("b", 900), ("a", 6), ("b", 901)]
    ]
    quotes = [make_quote(provider=leg) for leg in "ab"]
    backlog.push(0, [*ticks, *quotes, make_switched()])
    found = [(gap.provider, gap.channel, gap.from_id, gap.to_id) for gap in backlog.gaps()]
    assert found == [("a", "trades", 5, 6), ("b", "trades", 900, 901), ("b", "quotes", None, None)]


def test_a_new_count_in_what_was_lost_leaves_no_ids():
    """Nor does a hole of which nobody knows the ids."""
    gap = make_gap(from_id=None, to_id=None)
    for lost in ([900, 1, 2], [1, 900, 2, 950], [3, gap, 5]):
        backlog = Backlog(1)
        ticks = [one if isinstance(one, Gap) else make_trade(id=one) for one in lost]
        backlog.push(0, [*ticks, make_switched()])
        (told,) = backlog.gaps()
        assert (told.from_id, told.to_id) == (None, None)


def test_a_state_of_the_past_never_takes_the_place_of_a_live_one():
    """What was fetched gives way to what is newer, and the newest of both stay."""
    backlog = Backlog(4, conflates=True)
    live = [make_quote(update_id=number) for number in (1, 2)]
    past = [msgspec.structs.replace(make_quote(update_id=number), backfilled=True) for number in (3, 4)]
    backlog.add(0, [live[0], past[0], live[1]])
    left, gave_way = backlog.conflate(past[1:])
    kept = [tick for _, ticks in backlog.take() for tick in ticks]
    assert ([*kept, *left], gave_way) == ([live[1], past[1]], 2)
