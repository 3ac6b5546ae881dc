"""Bad ticks put into recorded markets: each is found by its rule, and no real tick around them by any rule."""

from collections import Counter
from decimal import Decimal
from random import Random

import msgspec
import pytest

from ticktrail.model import AggTrade, Bar, Quote, Trade
from ticktrail.rules import CrossedSettings, EventDriftSettings
from unit.rules.recorded import MS, RECORDINGS, judge, recorded

MINE = {"size", "crossed", "backwards", "id_order", "id_gap"}
TICKS = {
    "binance_futures/cf_binance_delivery_20210722.jsonl.gz": 2_324,
    "binance_futures/cf_binance_futures_20210722.jsonl.gz": 771,
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz": 53_590,
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz": 62_961,
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz": 68_068,
    "binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz": 2_028,
    "binance_spot/cf_binance_20211012.jsonl.gz": 88,
    "binance_spot/cf_binance_tr_20230410.jsonl.gz": 55,
    "binance_spot/cf_binance_us_20211011.jsonl.gz": 144,
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz": 93_078,
}
# Of the ticks with a time, how many lie more than 50 ms from their corrected receive time: the share that the literal
# rule would refuse (docs/explanation/validation.md).
FAR_FROM_RECEIPT = {
    "binance_futures/cf_binance_delivery_20210722.jsonl.gz": (1_007, 2_324),
    "binance_futures/cf_binance_futures_20210722.jsonl.gz": (90, 771),
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz": (1_323, 53_590),
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz": (411, 62_961),
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz": (713, 68_068),
    "binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz": (87, 2_028),
    "binance_spot/cf_binance_20211012.jsonl.gz": (0, 4),
    "binance_spot/cf_binance_tr_20230410.jsonl.gz": (8, 8),
    "binance_spot/cf_binance_us_20211011.jsonl.gz": (0, 16),
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz": (2_863, 19_904),
}
STREAMS = (
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz",
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz",
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if TICKS[name] > 60_000 else ()) for name in RECORDINGS],
)
def test_no_real_tick_is_objected_to(name):
    """Not one false alarm in any recording, locked quotes objected to as well.

    The largest ones are judged by all rules at once in `test_false_alarms`; here they are for the long runs.
    """
    market = recorded(name)
    assert sum(map(len, market.markets.values())) == TICKS[name]
    said = Counter()
    for ticks in market.markets.values():
        settings = {"crossed": CrossedSettings(unlocked_quotes=True)}
        for found in judge(ticks, offset_ns=market.offset_ns, rules=MINE, settings=settings):
            said.update(found)
    assert said == {}


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_literal_rule_of_50_ms_refuses_good_ticks(name):
    """What the page about validation says of it, counted."""
    market = recorded(name)
    settings = {"event_drift": EventDriftSettings(max_event_drift_ms=Decimal(50))}
    refused = timed = 0
    for ticks in market.markets.values():
        verdicts = judge(ticks, offset_ns=market.offset_ns, rules={"event_drift"}, settings=settings)
        refused += sum(found == ("event_drift",) for found in verdicts)
        timed += sum(tick.event_ns is not None for tick in ticks)
    assert (refused, timed) == FAR_FROM_RECEIPT[name]


def bad_size(tick, earlier, random):
    sizes = [Decimal(0), -tick.size] if isinstance(tick, Trade) else [Decimal(0), Decimal(-1)]
    if isinstance(tick, Quote):
        side = random.choice(["bid_size", "ask_size"])
        return {"size"}, msgspec.structs.replace(tick, **{side: random.choice(sizes)})
    return {"size"}, msgspec.structs.replace(tick, size=random.choice(sizes))


def crossed(tick, earlier, random):
    if not isinstance(tick, Quote):
        return None
    step = Decimal(random.randint(1, 100)).scaleb(-2)
    return {"crossed"}, msgspec.structs.replace(tick, bid_price=tick.ask_price + step)


def old(tick, earlier, random):
    if tick.event_ns is None:
        return None
    back_ns = random.choice([1_001, 2_000, 60_000, 10**9]) * MS
    latest_ns = max(one.event_ns for one in earlier if type(one) is type(tick))
    return {"backwards"}, msgspec.structs.replace(tick, event_ns=latest_ns - back_ns)


def repeated(tick, earlier, random):
    """The same again: the last one, or for trades one of long ago."""
    same = [one for one in earlier if type(one) is type(tick)]
    again = same[-1] if isinstance(tick, Quote) or random.random() < 0.5 else random.choice(same)
    return {"id_order"}, msgspec.structs.replace(again, recv_ns=tick.recv_ns)


def lower(tick, earlier, random):
    """An id that was never here, and lies below what was."""
    last = [one for one in earlier if type(one) is type(tick)]
    below = random.choice([1, 2, 1_000, 10**6])
    if isinstance(tick, Quote):
        return {"id_order"}, msgspec.structs.replace(tick, update_id=last[-1].update_id - below)
    return {"id_order"}, msgspec.structs.replace(tick, id=last[0].id - below)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("spoil", [bad_size, crossed, old, repeated, lower])
def test_each_bad_tick_is_found_and_no_real_one_is_judged_otherwise(name, spoil):
    """One in fifty is bad, at random places and several in a row."""
    random = Random(f"{name} {spoil.__name__}")
    market = recorded(name)
    (real,) = market.markets.values()
    real = real[:25_000]
    mixed, expected, injected = [], [], 0
    for number, tick in enumerate(real):
        earlier = real[max(0, number - 2_000) : number]
        if number > 2_000 and random.random() < 0.02:
            for _ in range(random.choice([1, 1, 1, 3, 8])):
                made = spoil(tick, earlier, random)
                if made is not None:
                    expected.append(made[0])
                    mixed.append(made[1])
                    injected += 1
        mixed.append(tick)
        expected.append(set())
    assert injected > 300
    verdicts = judge(mixed, offset_ns=market.offset_ns)
    missed = touched = 0
    for bad, found in zip(expected, verdicts, strict=True):
        if bad:
            missed += not bad <= set(found)
        else:
            touched += found != ()
    assert (missed, touched) == (0, 0)


@pytest.mark.parametrize("name", STREAMS)
def test_each_hole_in_the_trades_is_found_with_its_width(name):
    """Trades taken out at random: the one after each hole is flagged, and no other."""
    random = Random(name)
    market = recorded(name)
    (ticks,) = market.markets.values()
    left, expected, hole = [], [], False
    first = next(tick for tick in ticks if isinstance(tick, Trade))
    for tick in ticks:
        if isinstance(tick, Trade):
            if tick is not first and random.random() < 0.05:
                hole = True
                continue
            expected.append(("id_gap",) if hole else ())
            hole = False
        else:
            expected.append(())
        left.append(tick)
    assert sum(map(bool, expected)) > 400
    assert judge(left, offset_ns=market.offset_ns, rules=MINE) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_a_session_that_repeats_the_last_one_is_no_finding(name):
    """After a reconnect the venue may send again what it sent: the route sees to that."""
    market = recorded(name)
    (ticks,) = market.markets.values()
    half = len(ticks) // 2
    again = [*ticks[:half], *ticks[half - 500 :]]
    verdicts = judge(again, offset_ns=market.offset_ns, rules=MINE, begin_at={half})
    assert not any(verdicts)


def test_aggregate_trades_and_bars_are_spoilt_too():
    """A real aggregate trade sent twice, or of nothing, and a bar of less than nothing."""
    market = recorded("binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz")
    caught = Counter()
    for ticks in market.markets.values():
        mixed = []
        for tick in ticks:
            mixed.append(tick)
            if isinstance(tick, AggTrade):
                mixed += [tick, msgspec.structs.replace(tick, id=tick.id + 1, size=Decimal(0))]
            elif isinstance(tick, Bar):
                mixed.append(msgspec.structs.replace(tick, volume=-1 - tick.volume))
        for found in judge(mixed, offset_ns=market.offset_ns, rules=MINE - {"id_gap"}):
            caught.update(found)
    assert caught == {"id_order": 1_910, "size": 1_910 + 118}
