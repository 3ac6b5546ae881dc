"""A candidate beside the speaker: nothing of it is delivered, and each of its ticks is compared or said not to be."""

from collections import Counter
from decimal import Decimal
from math import isfinite

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ticktrail._routes.shadow import CANDIDATE, SPEAKER, ShadowArbiter, ShadowSettings
from ticktrail.events import ShadowCompared
from ticktrail.model import InstrumentId
from ticktrail.plugin import Forward, Publish, RouteContext, Suppress
from ticktrail.shadow import Latencies, latency_bucket, merge_shadow
from ticktrail.testing import make_correction, make_gap, make_quote, make_ticker, make_trade
from unit.routes.laws import BTC, ETH, NAMES, S, Stage, batch, forwarded

MS = 1_000_000
T0 = 1_000 * S


def arbiter(*, same_ids=True, **more):
    table = {"speaker": "a", "candidate": "b", "window_s": 2.0, "report_every_s": 10.0, **more}
    context = RouteContext(
        children=("a", "b"),
        channels=frozenset({"trades", "quotes"}),
        instruments=tuple(map(InstrumentId, NAMES)),
        same_ids=same_ids,
    )
    return ShadowArbiter(ShadowSettings(**table), context)


def told(rulings):
    return [ruling.event for ruling in rulings if isinstance(ruling, Publish)]


def row_of(stage, instrument=BTC, channel="trades"):
    """All that was told of one instrument's channel, with what the end of the feed tells."""
    stage.take(stage.node.drain())
    rows = merge_shadow(row for event in told(stage.rulings) for row in event.rows)
    (row,) = [row for row in rows if (row.instrument, row.channel) == (instrument, channel)]
    return row


def trade(number, price="100", size="1", *, event_ms=0, late_ms=20, **more):
    event_ns = T0 + event_ms * MS
    return make_trade(
        price,
        size=size,
        id=number,
        instrument=BTC,
        event_ns=event_ns,
        recv_ns=event_ns + late_ms * MS,
        **more,
    )


def test_trades_by_id():
    """Matched, missing, extra; who was first by how much; by how much the prices differ; a repeat counts as one."""
    stage = Stage(arbiter())
    stage.at(3, SPEAKER, trade(1), trade(2), trade(3, "200"))
    stage.at(3.1, CANDIDATE, trade(1, late_ms=25), trade(3, "202", late_ms=15), trade(4), trade(1))
    stage.at(5.2, SPEAKER, trade(5))
    row = row_of(stage)
    assert row.matched_by == "ids"
    assert (row.matched, row.missing, row.extra) == (2, 1, 1)
    assert (row.speaker.ticks, row.speaker.uncompared) == (4, 1)
    assert (row.candidate.ticks, row.candidate.uncompared) == (4, 1)
    assert (row.first.speaker, row.first.candidate, row.first.together) == (1, 1, 0)
    assert (row.first.speaker_ms, row.first.candidate_ms, row.first.later_ms) == (5, 5, 0)
    assert (row.price.count, row.price.mean_bp, row.price.max_abs_bp) == (2, 50, 100)
    assert row.coverage == 2 / 3


def test_trades_without_common_ids():
    """Equal price and size within the tolerance of time, the next one in time, each once; however the digits stand."""
    stage = Stage(arbiter(same_ids=False, tolerance_ms=50))
    stage.at(3, SPEAKER, trade(1, event_ms=0), trade(2, event_ms=40), trade(3, event_ms=200), trade(4, "7"))
    stage.at(3, CANDIDATE, trade("x", "100.00", event_ms=45, late_ms=18), trade("y", event_ms=260))
    stage.at(3, CANDIDATE, trade("z", "7", "1.0"), trade("q", "7", "2"))
    stage.at(5, SPEAKER)
    row = row_of(stage)
    assert row.matched_by == "values"
    assert (row.matched, row.missing, row.extra) == (2, 2, 2)
    assert row.first.speaker_ms == 3  # 45 + 18 against the one of 40 + 20
    assert row.price.count == 0


def test_what_was_fetched_later_is_no_latency():
    """It is matched as any other, and says nothing of who was first."""
    stage = Stage(arbiter())
    stage.at(3, SPEAKER, trade(1), trade(2, late_ms=9_000, backfilled=True))
    stage.at(3, CANDIDATE, trade(1, late_ms=20), trade(2))
    row = row_of(stage)
    assert (row.matched, row.first.together, row.first.speaker + row.first.candidate) == (2, 1, 0)
    assert (row.speaker.latency.count, row.speaker.latency.mean_ms, row.candidate.latency.count) == (1, 20, 2)


def test_the_largest_difference_of_several_summaries():
    """Is that of all of them, in whichever it stood."""
    for first, second in (("101", "102"), ("102", "101")):
        stage = Stage(arbiter())
        stage.at(3, SPEAKER, make_quote("100", "100", instrument=BTC))
        stage.at(3, CANDIDATE, make_quote(first, first, instrument=BTC))
        stage.time(10)
        stage.at(11, CANDIDATE, make_quote(second, second, instrument=BTC))
        price = row_of(stage, channel="quotes").price
        assert (price.max_abs_bp, price.mean_bp) == (200, 150)


def test_quotes_are_measured_by_the_speakers_latest():
    """The mid price in basis points, above and below; not against a quote of a speaker that is lost."""
    stage = Stage(arbiter())
    stage.at(3, CANDIDATE, make_quote("99", "101", instrument=BTC))
    stage.at(3, SPEAKER, make_quote("99", "101", instrument=BTC))
    stage.at(
        3, CANDIDATE, make_quote("100", "102", instrument=BTC), make_quote("98.9", "101", instrument=BTC)
    )
    stage.take(stage.node.on_down(SPEAKER, "cut", 4 * S))
    stage.at(4, CANDIDATE, make_quote("1", "2", instrument=BTC))
    price = row_of(stage, channel="quotes").price
    assert price.count == 2
    assert (price.max_abs_bp, price.sum_bp, price.sum_abs_bp) == pytest.approx((100, 95, 105))


def test_quotes_with_common_ids_are_matched():
    """As trades are; without ids they are compared in price alone."""
    stage = Stage(arbiter())
    stage.at(3, SPEAKER, *(make_quote(update_id=number, instrument=BTC) for number in (1, 2)))
    stage.at(
        3, CANDIDATE, make_quote(update_id=2, instrument=BTC), make_quote(update_id=None, instrument=BTC)
    )
    stage.at(5, SPEAKER)
    row = row_of(stage, channel="quotes")
    assert (row.matched_by, row.matched, row.missing, row.extra) == ("ids", 1, 1, 0)
    assert (row.candidate.uncompared, row.price.count) == (1, 2)
    assert row_of_ticker().matched_by is None


def row_of_ticker():
    stage = Stage(arbiter())
    stage.at(3, SPEAKER, make_ticker())
    return row_of(stage, channel="ticker")


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "-Infinity", "9e999999", "0"])
@pytest.mark.parametrize("same_ids", [True, False])
def test_no_price_of_a_candidate_harms_the_speaker(price, same_ids):
    """What no number can be made of is not compared, on either side."""
    stage = Stage(arbiter(same_ids=same_ids))
    for side in (SPEAKER, CANDIDATE):
        for worth in (price, "1", price):
            quote = make_quote(instrument=BTC)
            strange = msgspec.structs.replace(quote, bid_price=Decimal(worth), ask_price=Decimal(worth))
            odd = msgspec.structs.replace(trade(worth), price=Decimal(worth), size=Decimal(worth))
            stage.at(3, side, strange, odd)
    stage.at(6, SPEAKER)
    assert len(forwarded(stage.rulings)) == 6
    row = row_of(stage)
    for told_of in (row, row_of(stage, channel="quotes")):
        assert isfinite(told_of.price.sum_bp + told_of.price.max_abs_bp)
    assert row.matched + row.extra + row.candidate.uncompared == row.candidate.ticks == 3


def test_what_came_before_both_were_up_for_a_window_is_excused():
    """A late start is no loss; a match counts all the same. A candidate that is lost later has missed."""
    node = arbiter()
    stage = Stage(node, legs=1)
    stage.at(1, SPEAKER, trade(1), trade(2))
    stage.take(node.on_up(CANDIDATE, round(1.5 * S)))
    stage.at(2, CANDIDATE, trade(2))
    stage.at(3, SPEAKER, trade(3))
    stage.take(node.on_down(CANDIDATE, "cut", 5 * S))
    stage.at(6, SPEAKER, trade(4))
    stage.at(9, SPEAKER)
    row = row_of(stage)
    assert (row.matched, row.missing, row.speaker.uncompared) == (1, 1, 2)
    (event,) = told(stage.rulings)
    assert (event.candidate.failures, event.candidate.down_s) == (1, 5.5)
    assert (event.speaker.failures, event.speaker.down_s) == (0, 0)


def test_the_speaker_alone_is_the_nodes_health():
    """A shadow whose speaker is lost is lost, be the candidate as well as it may."""
    node = arbiter()
    node.on_up(CANDIDATE, 1)
    assert not node.up
    node.on_up(SPEAKER, 2)
    node.on_down(CANDIDATE, "cut", 3)
    assert node.up
    node.on_up(CANDIDATE, 4)
    node.on_down(SPEAKER, "cut", 5)
    assert not node.up
    assert isinstance(node.on_batch(CANDIDATE, batch(CANDIDATE, 6, trade(1)), 6)[0], Suppress)


def test_a_summary_is_bounded_and_its_totals_are_not():
    """The worst first; the number of those left out; the totals hold all of them."""
    stage = Stage(arbiter(report_rows=1))
    stage.at(3, SPEAKER, *(make_trade(id=1, instrument=name) for name in NAMES))
    stage.at(3, CANDIDATE, *(make_trade(id=1, instrument=name) for name in NAMES if name != ETH))
    stage.at(6, SPEAKER)
    (event,) = told(stage.time(10))
    (total,) = event.totals
    assert [row.instrument for row in event.rows] == [ETH]
    assert (event.rows_left_out, event.over_s) == (2, 10)
    assert (total.instrument, total.matched, total.missing) == (None, 2, 1)


def test_summaries_come_when_they_are_due_and_at_the_end_once():
    """Each counts from the one before; what waits then is told by a later one."""
    stage = Stage(arbiter())
    assert stage.node.deadline_ns() == 10 * S
    stage.at(9, SPEAKER, trade(1))
    (first,) = told(stage.time(10))
    assert (first.totals[0].speaker.ticks, first.totals[0].missing) == (1, 0)
    assert stage.node.deadline_ns() == 20 * S
    (second,) = told(stage.time(20))
    assert (second.totals[0].speaker.ticks, second.totals[0].missing) == (0, 1)
    assert len(told(stage.node.drain())) == 1
    assert stage.node.drain() == ()
    assert arbiter().drain() == ()


def test_what_the_rules_kept_back_is_counted_on_its_side():
    """By instrument where it is one of the node's; gaps are no ticks of a venue, a correction is compared with none."""
    stage = Stage(arbiter())
    stage.at(3, CANDIDATE, make_gap(), make_correction(), bad=[BTC, "nobody's"])
    row = row_of(stage)
    assert (row.candidate.rejected, row.candidate.ticks, row.candidate.uncompared) == (1, 1, 1)
    (event,) = told(stage.rulings)
    assert (event.candidate.rejected, event.speaker.rejected) == (2, 0)
    assert [one.instrument for one in event.rows] == [BTC]


def test_memory_is_bounded():
    """Beyond the bound the oldest is not compared, and counted so, in either way of matching."""
    for same_ids in (True, False):
        stage = Stage(arbiter(same_ids=same_ids, window_ticks=10))
        for number in range(100):
            stage.at(3, SPEAKER, trade(number, str(number + 1)))
        assert len(stage.node._matcher) == 10
        row = row_of(stage)
        assert (row.missing, row.speaker.uncompared) == (0, 100)
        assert not stage.node._matcher._by_value
        assert not any(stage.node._matcher._by_id.values())


@given(st.lists(st.integers(-(10**9), 10**12), min_size=1))
def test_quantiles_are_right_within_an_eighth(lates_ns):
    """Of microseconds, never too low."""
    buckets = Counter(map(latency_bucket, lates_ns))
    found = Latencies(count=len(lates_ns), sum_ms=0, buckets=buckets)
    in_order = sorted(max(0, late) / 1e6 for late in lates_ns)
    for share in (0.5, 0.99, 1.0):
        right = next(late for place, late in enumerate(in_order) if place + 1 >= share * len(in_order))
        assert right <= found.quantile_ms(share) <= right * 1.125 + 0.001


class Naive:
    """Every tick with all that was before it, looked through one by one."""

    def __init__(self, *, same_ids, window_ns, tolerance_ns, most):
        self.same_ids, self.window_ns, self.tolerance_ns, self.most = same_ids, window_ns, tolerance_ns, most
        self.waiting = []
        self.counts = Counter()

    def add(self, side, tick, now_ns, excused):
        self.expire(now_ns)
        if self.same_ids:
            alike = [one for one in self.waiting if one["tick"].id == tick.id]
            if alike:
                (one,) = alike
                if one["matched"] or one["side"] == side:
                    self.counts["uncompared", side] += 1
                else:
                    one["matched"] = True
                    self.counts["matched"] += 1
                return
        else:
            fits = [
                one
                for one in self.waiting
                if not one["matched"]
                and one["side"] != side
                and (one["tick"].price, one["tick"].size) == (tick.price, tick.size)
                and abs(one["tick"].event_ns - tick.event_ns) <= self.tolerance_ns
            ]
            if fits:
                one = min(
                    fits, key=lambda one: (abs(one["tick"].event_ns - tick.event_ns), one["tick"].event_ns)
                )
                one["matched"] = True
                self.counts["matched"] += 1
                return
        self.waiting.append({"side": side, "tick": tick, "at": now_ns, "matched": False, "excused": excused})
        if len(self.waiting) > self.most:
            self.give_up(self.waiting.pop(0), over=False)

    def expire(self, now_ns):
        while self.waiting and now_ns - self.waiting[0]["at"] >= self.window_ns:
            self.give_up(self.waiting.pop(0), over=True)

    def give_up(self, one, *, over):
        if not one["matched"]:
            lost = "lost" if over and not one["excused"] else "uncompared"
            self.counts[lost, one["side"]] += 1


class Laws(RuleBasedStateMachine):
    """A shadow under anything: it finds what the naive matcher finds, and delivers nothing of the candidate."""

    @initialize(same_ids=st.booleans(), most=st.sampled_from([1, 3, 1_000]), rows=st.sampled_from([0, 100]))
    def begin(self, same_ids, most, rows):
        self.node = arbiter(
            same_ids=same_ids, window_ticks=most, report_rows=rows, tolerance_ms=30, report_every_s=3.0
        )
        self.naive = Naive(same_ids=same_ids, window_ns=2 * S, tolerance_ns=30 * MS, most=most)
        self.now = 0
        self.up = [False, False]
        self.compared_from = None
        self.events = []
        self.given = Counter()
        self.mids = []
        self.quote = None

    def take(self, rulings):
        self.events += told(rulings)

    @rule(tenths=st.integers(1, 15))
    def time_passes(self, tenths):
        self.now += tenths * S // 10
        deadline = self.node.deadline_ns()
        if deadline is not None and deadline <= self.now:
            self.naive.expire(self.now)
            self.take(self.node.on_time(self.now))

    @rule(side=st.integers(0, 1))
    def comes_or_goes(self, side):
        self.naive.expire(self.now)
        if self.up[side]:
            self.take(self.node.on_down(side, "cut", self.now))
            if side == SPEAKER:
                self.quote = None
        else:
            self.take(self.node.on_up(side, self.now))
        self.up[side] = not self.up[side]
        if self.compared_from is None and all(self.up):
            self.compared_from = self.now + 2 * S

    @rule(
        side=st.integers(0, 1),
        what=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 2), st.integers(0, 8)), max_size=4),
        bad=st.lists(st.just(BTC), max_size=2),
    )
    def speaks(self, side, what, bad):
        if not self.up[side]:
            return
        excused = self.compared_from is None or self.now < self.compared_from
        ticks = [trade(number, str(price), event_ms=place * 10) for number, price, place in what]
        self.naive.expire(self.now)
        for tick in ticks:
            self.naive.add(side, tick, self.now, excused)
        self.given[side] += len(ticks)
        self.given["rejected", side] += len(bad)
        given = batch(side, self.now, *ticks, bad=bad)
        rulings = list(self.node.on_batch(side, given, self.now))
        assert rulings == [Forward(given) if side == SPEAKER else Suppress(given, "shadow")]

    @rule(cents=st.integers(1, 300), side=st.integers(0, 1))
    def quotes(self, cents, side):
        if self.up[side]:
            tick = make_quote(str(cents), str(cents), instrument=ETH)
            self.take(self.node.on_batch(side, batch(side, self.now, tick), self.now))
            self.naive.expire(self.now)
            if side == SPEAKER:
                self.quote = cents
            elif self.quote is not None and self.up[SPEAKER]:
                self.mids.append((cents - self.quote) / self.quote * 10_000)

    @invariant()
    def memory_is_bounded(self):
        if hasattr(self, "node"):
            assert len(self.node._matcher) == len(self.naive.waiting) <= self.naive.most

    def teardown(self):
        if not hasattr(self, "node"):
            return
        self.take(self.node.drain())
        for one in self.naive.waiting:
            self.naive.give_up(one, over=False)
        totals = {
            row.channel: row for row in merge_shadow(row for event in self.events for row in event.totals)
        }
        counts = self.naive.counts
        if "trades" in totals:
            row = totals["trades"]
            assert (
                row.matched,
                row.missing,
                row.extra,
                row.speaker.uncompared,
                row.candidate.uncompared,
            ) == (
                counts["matched"],
                counts["lost", SPEAKER],
                counts["lost", CANDIDATE],
                counts["uncompared", SPEAKER],
                counts["uncompared", CANDIDATE],
            )
            assert (
                row.matched + row.missing + row.speaker.uncompared == row.speaker.ticks == self.given[SPEAKER]
            )
            assert row.matched + row.extra + row.candidate.uncompared == row.candidate.ticks
            assert row.candidate.ticks == self.given[CANDIDATE]
            assert [side.rejected for side in (row.speaker, row.candidate)] == [
                self.given["rejected", side] for side in (SPEAKER, CANDIDATE)
            ]
            assert row.speaker.latency.count == row.speaker.ticks
        else:
            assert not any(self.given.values())
        if self.mids:
            price = totals["quotes"].price
            assert (price.count, price.sum_bp) == (len(self.mids), pytest.approx(sum(self.mids), abs=1e-6))
        assert all(isinstance(event, ShadowCompared) for event in self.events)


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
