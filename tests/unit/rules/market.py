"""Every recorded market as the ticks of its instruments, and a judge over them as a leg has one."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from recordings import RECORDINGS, recording
from ticktrail.model import AggTrade, Bar, InstrumentId, ProviderId, Quote, Tick, Trade
from ticktrail.plugin import IncrementValidator, StatefulValidator, Validator, ValidatorContext, ValidatorSpec
from ticktrail.testing import ManualClock

MS = 1_000_000
S = 1_000_000_000
LEG = ProviderId("leg")
NAMES = sorted(
    str(path.relative_to(RECORDINGS))
    for market in ("binance_spot", "binance_futures")
    for path in RECORDINGS.glob(f"{market}/*.jsonl.gz")
    if "mapper_inputs" not in path.name
)
LARGE = [name for name in NAMES if "hft_" in name]
NO_LIST = {
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz": ("0.01", "0.00001"),
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz": ("0.1", "1"),
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz": ("0.1", "0.001"),
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz": ("0.01", "0.001"),
}
"""Price and size increments of recordings without an ``exchangeInfo``.

Three are those that other recordings of 2021 to 2023 state of the same instruments. USD-M BTC/USDT had 0.01 in 2021;
its 0.1 is what all prices of the recording of 2024 have in common, and proves nothing but that they have.
"""


@dataclass(frozen=True)
class Market:
    """One recording: the ticks by symbol, and the price and size increments, as recorded or as known otherwise."""

    ticks: Mapping[str, Sequence[Tick]]
    stated: Mapping[str, tuple[Decimal, Decimal]]
    increments: Mapping[str, tuple[Decimal, Decimal]]


@cache
def market(name: str) -> Market:
    """Return a recording's trades, aggregate trades, quotes and bars."""
    ticks: dict[str, list[Tick]] = {}
    increments: dict[str, tuple[Decimal, Decimal]] = {}
    with gzip.open(recording(name), "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["kind"] == "http" and "exchangeInfo" in record["url"]:
                increments.update(_increments(json.loads(record["raw"])))
            elif record["kind"] == "ws":
                message = json.loads(record["raw"])
                tick = _tick(message.get("data", message), record["recv_ns"])
                if tick is not None:
                    ticks.setdefault(tick.instrument, []).append(tick)
    known = {name: (Decimal(price), Decimal(size)) for name, (price, size) in NO_LIST.items()}
    more = dict.fromkeys(ticks, known[name]) if name in known else {}
    return Market(ticks, increments, {**increments, **more})


def _increments(info: dict) -> Iterator[tuple[str, tuple[Decimal, Decimal]]]:
    for entry in info["symbols"]:
        filters = {one["filterType"]: one for one in entry["filters"]}
        yield (
            entry["symbol"],
            (Decimal(filters["PRICE_FILTER"]["tickSize"]), Decimal(filters["LOT_SIZE"]["stepSize"])),
        )


def _tick(data: dict, recv_ns: int) -> Tick | None:
    kind = data.get("e", "bookTicker" if "B" in data else "")
    told = {"instrument": InstrumentId(data.get("s", "")), "provider": LEG, "recv_ns": recv_ns}
    if kind == "trade":
        return Trade(
            **told,
            event_ns=data["E"] * MS,
            id=data["t"],
            price=Decimal(data["p"]),
            size=Decimal(data["q"]),
            side=None,
        )
    if kind == "aggTrade":
        return AggTrade(
            **told,
            event_ns=data["E"] * MS,
            id=data["a"],
            price=Decimal(data["p"]),
            size=Decimal(data["q"]),
            side=None,
            first_id=data["f"],
            last_id=data["l"],
        )
    if kind == "bookTicker":
        return Quote(
            **told,
            event_ns=data["T"] * MS if "T" in data else None,
            bid_price=Decimal(data["b"]),
            bid_size=Decimal(data["B"]),
            ask_price=Decimal(data["a"]),
            ask_size=Decimal(data["A"]),
            update_id=data["u"],
        )
    if kind == "kline":
        bar = data["k"]
        return Bar(
            **told,
            event_ns=data["E"] * MS,
            open=Decimal(bar["o"]),
            high=Decimal(bar["h"]),
            low=Decimal(bar["l"]),
            close=Decimal(bar["c"]),
            volume=Decimal(bar["v"]),
            start_ns=bar["t"] * MS,
            end_ns=(bar["T"] + 1) * MS,
            final=bar["x"],
            trades=bar["n"],
        )
    return None


def opened(spec: ValidatorSpec, increments: tuple[Decimal, Decimal] | None = None) -> Validator:
    """Return a rule with its defaults, told of the increments as a leg tells it."""
    judge = spec.open(
        spec.settings(), ValidatorContext(provider=LEG, instrument=InstrumentId("X"), clock=ManualClock())
    )
    assert judge is not None
    if increments is not None and isinstance(judge, IncrementValidator):
        judge.learn(*increments)
    return judge


def verdicts(spec: ValidatorSpec, judge: Validator, ticks: Sequence[Tick]) -> list[bool]:
    """Return which ticks the rule objects to, each judged at its own receive time and accepted where it does not."""
    found = []
    for tick in ticks:
        objects = type(tick) in spec.ticks and judge.check(tick, tick.recv_ns) is not None
        if not objects and type(tick) in spec.ticks and isinstance(judge, StatefulValidator):
            judge.accept(tick)
        found.append(objects)
    return found


def alarms(spec: ValidatorSpec) -> tuple[Counter[str], int]:
    """Return how many ticks of all recordings the rule objects to by recording and symbol, and how many it judges."""
    found: Counter[str] = Counter()
    judged = 0
    for name in NAMES:
        recorded = market(name)
        for symbol, ticks in recorded.ticks.items():
            judge = opened(spec, recorded.increments.get(symbol))
            found[f"{name} {symbol}"] += sum(verdicts(spec, judge, ticks))
            judged += sum(type(tick) in spec.ticks for tick in ticks)
    return +found, judged
