"""A merge against a model that knows every leg's last quote and every venue's newest, whatever happens in any order."""

from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ticktrail._routes.merge import MergeArbiter, MergeSettings
from ticktrail.model import Gap, Quote
from ticktrail.plugin import Batch, Forward, RouteContext, Suppress, Switch
from ticktrail.testing import make_bar, make_book_delta, make_quote, make_status, make_ticker, make_trade
from unit.routes.laws import BTC, ETH, LEGS, S

NAMES = (BTC, ETH)
LIMIT_NS = S
SPACES = [
    {"a": None, "b": None, "c": None},
    {"a": "one", "b": "one", "c": "two"},
    {"a": "one", "b": None, "c": "one"},
    {"a": "one", "b": "one", "c": "one"},
]
PRICES = st.sampled_from([0, 97, 98, 99, 100, 101, 102, 103])
SIZES = st.integers(1, 2)
LATE = st.sampled_from([0, 0, S // 4, S // 2, 2 * S])
LAGS = st.sampled_from([0, 0, 1, 3])
QUOTE = st.tuples(st.just("quote"), PRICES, SIZES, PRICES, SIZES, LAGS)
TRADE = st.tuples(st.just("trade"), st.integers(1, 3))
OTHER = st.sampled_from([("ticker",), ("book",), ("bar",), ("status",)])


class Laws(RuleBasedStateMachine):
    """Three legs that come, go, fall silent and speak; of one venue, of several, or of a mix."""

    @initialize(
        spaces=st.sampled_from(SPACES),
        numbered=st.booleans(),
        up=st.lists(st.booleans(), min_size=3, max_size=3),
    )
    def open(self, spaces, numbered, up):
        self.spaces = spaces
        self.numbered = numbered
        self.node = MergeArbiter(
            MergeSettings(
                legs=LEGS, stale_after_s={"quotes": 1.0, "ticker": 1.0, "book": 1.0}, failback_after_s=0.5
            ),
            RouteContext(
                children=LEGS,
                channels=frozenset({"trades", "quotes", "ticker", "book", "bars", "status"}),
                instruments=NAMES,
                id_spaces=spaces,
            ),
        )
        self.now = 0
        self.number = 0
        self.update_id = 0
        self.up = [False] * 3
        self.given = {}
        self.fate = Counter()
        self.traded = Counter()
        self.brought = Counter()
        self.newest = {}
        self.seen_trades = set()
        self.last = {}
        self.shown = dict.fromkeys(NAMES)
        self.lead = dict.fromkeys(NAMES, 0)
        for child, is_up in enumerate(up):
            if is_up:
                self.comes_up(child)

    def take(self, rulings):
        for ruling in rulings:
            match ruling:
                case Forward(done):
                    for tick in done.ticks:
                        self.see(tick, done)
                        if done.derived or isinstance(tick, Gap):
                            assert type(tick) in {Quote, Gap}
                        else:
                            self.fate[tick.recv_ns] += 1
                case Suppress(done, reason):
                    assert not done.derived
                    for tick in done.ticks:
                        self.fate[tick.recv_ns] += 1
                        self.explain(tick, reason)
                case Switch(before, to, _, _, whom):
                    for name in NAMES if whom is None else whom:
                        assert before == self.lead[name] != to
                        self.lead[name] = to

    def see(self, tick, done):
        if type(tick) is Quote:
            sides = sides_of(tick)
            assert sides != self.shown[tick.instrument]
            self.shown[tick.instrument] = sides
            (bid, _, bidder), (ask, _, asker) = sides
            is_crossed = bidder is not None and asker is not None and bid >= ask
            assert tick.flagged == is_crossed
            assert [one.tick for one in done.flagged if one.tick == tick] == [tick] * is_crossed
        elif type(tick) is Gap:
            assert tick.channel == "quotes"
            assert self.shown[tick.instrument] is not None
            self.shown[tick.instrument] = None
        elif tick.counted_as == "trades":
            space = self.spaces[tick.provider] or tick.provider
            self.traded[space, tick.instrument, tick.id] += 1
        elif tick.counted_as in {"book", "bars"}:
            assert done.provider == LEGS[self.lead[tick.instrument]]

    def explain(self, tick, reason):
        wanted = {
            "quotes": {"consolidated"},
            "trades": {"later copy"},
            "ticker": {"not newest"},
            "book": {"standby", "unanswered"},
            "bars": {"standby", "unanswered"},
        }
        assert reason in wanted[tick.counted_as]

    def look(self):
        """As the route does behind each piece of news."""
        deadline = self.node.deadline_ns()
        if deadline is not None and deadline <= self.now:
            self.take(self.node.on_time(self.now))

    @rule(tenths=st.integers(1, 12))
    def time_passes(self, tenths):
        self.now += tenths * S // 10
        self.look()

    @rule(child=st.integers(0, 2))
    def may_come_up(self, child):
        if not self.up[child]:
            self.comes_up(child)

    def comes_up(self, child):
        self.up[child] = True
        self.take(self.node.on_up(child, self.now))
        self.look()

    @rule(child=st.integers(0, 2), really=st.sampled_from([False, False, True]))
    def goes_down(self, child, really):
        if self.up[child] and really:
            self.up[child] = False
            for name in NAMES:
                self.last.pop((name, child), None)
            self.take(self.node.on_down(child, "cut", self.now))
            self.look()

    @rule(child=st.integers(0, 2), name=st.sampled_from(NAMES), quote=QUOTE, late=LATE)
    def quotes(self, child, name, quote, late):
        self.give(child, [(name, quote)], late)

    @rule(child=st.integers(0, 2), name=st.sampled_from(NAMES), trade=TRADE)
    def trades(self, child, name, trade):
        self.give(child, [(name, trade)], 0)

    @rule(
        child=st.integers(0, 2),
        what=st.lists(
            st.tuples(st.sampled_from(NAMES), st.one_of(QUOTE, QUOTE, TRADE, OTHER)), min_size=1, max_size=4
        ),
        late=LATE,
    )
    def speaks(self, child, what, late):
        self.give(child, what, late)

    def give(self, child, what, late):
        if not self.up[child]:
            return
        self.now += 1
        at = max(0, self.now - late)
        ticks = [self.tick(child, name, *made, at=at) for name, made in what]
        given = Batch(provider=LEGS[child], recv_ns=at, mono_ns=at, session_ns=0, ticks=ticks)
        self.take(self.node.on_batch(child, given, self.now))
        self.look()

    def tick(self, child, name, kind, *numbers, at):
        self.number += 1
        match kind:
            case "quote":
                bid, bid_size, ask, ask_size, lag = numbers
                self.update_id += 1
                made = make_quote(
                    str(bid),
                    str(ask),
                    bid_size=str(bid_size if bid else 0),
                    ask_size=str(ask_size if ask else 0),
                    update_id=self.update_id - lag if self.numbered else None,
                )
            case "trade":
                made = make_trade(id=numbers[0])
                self.seen_trades.add((self.spaces[LEGS[child]] or LEGS[child], name, made.id))
                self.brought[LEGS[child], name, made.id] += 1
            case "ticker":
                made = make_ticker(event_ns=at)
            case "book":
                made = make_book_delta()
            case "bar":
                made = make_bar()
            case "status":
                made = make_status()
        # the receive time is the tick's name here: each has one of its own
        made = msgspec.structs.replace(made, instrument=name, provider=LEGS[child], recv_ns=self.number)
        self.given[self.number] = made
        if kind == "quote":
            venue = (self.spaces[LEGS[child]] or child, name)
            newest_at, newest_id = self.newest.get(venue, (None, None))
            is_older = newest_id is not None and made.update_id < newest_id
            if not is_older or self.now - newest_at > LIMIT_NS:
                self.last[name, child] = (at, self.number, made)
                if newest_id is None or made.update_id != newest_id:
                    self.newest[venue] = (at, made.update_id)
                    for other in range(3):  # what its venue said before is no longer so
                        _, _, said = self.last.get((name, other), (None, None, made))
                        if (
                            self.spaces[LEGS[other]] or other,
                            name,
                        ) == venue and said.update_id != made.update_id:
                            del self.last[name, other]
        return made

    @invariant()
    def what_is_shown_is_the_best_of_all_that_counts(self):
        if hasattr(self, "node"):
            for name in NAMES:
                assert self.shown[name] == self.best(name)

    def best(self, name):
        """Look at every quote there is."""
        live = {}
        for child in range(3):
            at, number, tick = self.last.get((name, child), (None, None, None))
            if tick is None or self.now - at > LIMIT_NS or not (tick.bid_size or tick.ask_size):
                continue
            live[child] = (number, tick)
        venues = {}
        for child, (number, tick) in live.items():
            venues.setdefault(self.spaces[LEGS[child]] or child, []).append((child, number, tick))
        chosen = []
        for venue, voices in venues.items():
            if self.numbered:
                _, highest = self.newest[venue, name]
                newest = [one for one in voices if one[2].update_id == highest]
                chosen += sorted(newest, key=lambda one: one[1])[:1]
            else:
                chosen.append(max(voices, key=lambda one: one[1]))
        bids = [(-tick.bid_price, child, tick) for child, _, tick in chosen if tick.bid_size]
        asks = [(tick.ask_price, child, tick) for child, _, tick in chosen if tick.ask_size]
        if not bids and not asks:
            return None
        nobody = (Decimal(0), Decimal(0), None)
        bid, ask = min(bids, default=None, key=first_two), min(asks, default=None, key=first_two)
        return (
            nobody if bid is None else (bid[2].bid_price, bid[2].bid_size, LEGS[bid[1]]),
            nobody if ask is None else (ask[2].ask_price, ask[2].ask_size, LEGS[ask[1]]),
        )

    def teardown(self):
        if hasattr(self, "node"):
            self.take(self.node.drain())
            assert self.fate == Counter(self.given.keys())
            assert self.seen_trades == self.traded.keys()
            shared = {space for space, count in Counter(self.spaces.values()).items() if count > 1}
            for (space, name, number), count in self.traded.items():
                times = [self.brought[leg, name, number] for leg in LEGS if self.spaces[leg] == space]
                # what a leg brings twice itself is continuity's to judge
                assert space not in shared or count == 1 or max(times) > 1


def sides_of(tick):
    return (tick.bid_price, tick.bid_size, tick.bid_provider), (
        tick.ask_price,
        tick.ask_size,
        tick.ask_provider,
    )


def first_two(one):
    return one[:2]


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


@pytest.mark.slow
class TestLawsAtLength(Laws.TestCase):
    """The same, for much longer."""

    settings = settings(max_examples=3_000, stateful_step_count=120, deadline=None)
