"""Recorded markets as ticks, and what the rules say of them."""

import gzip
import json
from decimal import Decimal
from functools import cache
from statistics import median

import msgspec

from recordings import recording
from ticktrail.plugin import SessionValidator, StatefulValidator, ValidatorContext
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail.testing import ManualClock, make_agg_trade, make_bar, make_quote, make_trade

RECORDINGS = (
    "binance_futures/cf_binance_delivery_20210722.jsonl.gz",
    "binance_futures/cf_binance_futures_20210722.jsonl.gz",
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz",
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz",
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz",
    "binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz",
    "binance_spot/cf_binance_20211012.jsonl.gz",
    "binance_spot/cf_binance_tr_20230410.jsonl.gz",
    "binance_spot/cf_binance_us_20211011.jsonl.gz",
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz",
)
MS = 1_000_000
ON_THE_WAY_NS = 20 * MS


@cache
def recorded(name):
    """Return a recording, read once for all tests."""
    return Recorded(name)


class Recorded:
    """One recording.

    Attributes:
        markets: By symbol, the trades, aggregate trades, quotes and bars, in order.
        offset_ns: What a time server would have told of the recorder's clock: the median message was 20 ms on the way.
    """

    def __init__(self, name):
        self.markets = {}
        early = []
        with gzip.open(recording(name), "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if record["kind"] == "ws":
                    message = json.loads(record["raw"])
                    data, recv_ns = message.get("data", message), record["recv_ns"]
                    tick = read_tick(data, recv_ns)
                    if tick is not None:
                        self.markets.setdefault(data["s"], []).append(tick)
                    if "E" in data:
                        early.append(data["E"] * MS - recv_ns)
        self.offset_ns = int(median(early)) + ON_THE_WAY_NS


def read_tick(data, recv_ns):
    match data.get("e"):
        case "trade":
            return make_trade(
                data["p"], size=data["q"], id=data["t"], event_ns=data["T"] * MS, recv_ns=recv_ns
            )
        case "aggTrade":
            made = make_agg_trade(data["p"], size=data["q"], id=data["a"], recv_ns=recv_ns)
            return msgspec.structs.replace(made, event_ns=data["T"] * MS)
        case "kline":
            bar = data["k"]
            made = make_bar(
                bar["c"], open=bar["o"], high=bar["h"], low=bar["l"], event_ns=data["E"] * MS, recv_ns=recv_ns
            )
            return msgspec.structs.replace(
                made,
                volume=Decimal(bar["v"]),
                start_ns=bar["t"] * MS,
                end_ns=(bar["T"] + 1) * MS,
                final=bar["x"],
            )
        case "bookTicker" | None if "B" in data:
            event_ns = data["T"] * MS if "T" in data else None
            return make_quote(
                data["b"],
                data["a"],
                bid_size=data["B"],
                ask_size=data["A"],
                update_id=data["u"],
                event_ns=event_ns,
                recv_ns=recv_ns,
            )
    return None


def judge(ticks, *, offset_ns=None, settings=None, rules=None, begin_at=()):
    """Judge one instrument's ticks as a leg does.

    Args:
        ticks: In order.
        offset_ns: Of the clock.
        settings: By rule, other settings than its defaults.
        rules: Only these; None for all.
        begin_at: Positions at which a session begins.

    Returns:
        For each tick, the names of the rules that objected.
    """
    context = ValidatorContext(
        provider=ticks[0].provider,
        instrument=ticks[0].instrument,
        clock=ManualClock(offset_ns=offset_ns),
        consecutive_ids=True,
    )
    opened = []
    for spec in ticktrail_validators():
        if rules is None or spec.name in rules:
            judge = spec.open((settings or {}).get(spec.name, spec.settings()), context)
            if judge is not None:
                opened.append((spec, judge))
    said = []
    for number, tick in enumerate(ticks):
        if number in begin_at:
            for _, judge in opened:
                if isinstance(judge, SessionValidator):
                    judge.begin_session()
        found = {
            spec.name: spec.action
            for spec, judge in opened
            if type(tick) in spec.ticks and judge.check(tick, tick.recv_ns) is not None
        }
        said.append(tuple(found))
        if all(action == "flag" for action in found.values()):
            for spec, judge in opened:
                if isinstance(judge, StatefulValidator) and spec.name not in found:
                    judge.accept(tick)
    return said
