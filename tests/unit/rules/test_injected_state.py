"""Bad ticks put among real ones: what the rules of increments, bars, frozen quotes and floods catch of them."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from statistics import median

import pytest
from msgspec.structs import replace

from ticktrail.model import AggTrade, Bar, Quote, Tick, Trade
from ticktrail.plugin import ValidatorSpec
from ticktrail.rules.plugin import ticktrail_validators
from unit.rules.market import LARGE, NAMES, S, alarms, market, opened, verdicts

SPECS = {spec.name: spec for spec in ticktrail_validators()}
RULES = ("increments", "bar", "frozen", "rate")


@pytest.mark.parametrize("rule", RULES)
def test_no_real_tick_is_objected_to(rule: str) -> None:
    """Over every recording of Binance, at the defaults: not one false alarm."""
    found, judged = alarms(SPECS[rule])
    assert found == {}
    assert judged == {"increments": 283_107, "bar": 233, "frozen": 282_874, "rate": 283_107}[rule]


def inject(
    spec: ValidatorSpec, name: str, symbol: str, spoil: Callable[[Random, Tick], Tick | None]
) -> tuple[int, int]:
    """Put a spoilt copy behind one real tick in ten; return how many there were and were caught.

    What the rule says of the real ticks must not change.
    """
    recorded = market(name)
    ticks, increments = recorded.ticks[symbol], recorded.increments.get(symbol)
    random = Random(f"{name} {symbol}")
    mixed: list[Tick] = []
    is_bad: list[bool] = []
    for tick in ticks:
        mixed.append(tick)
        is_bad.append(False)
        spoilt = spoil(random, tick) if type(tick) is Bar or random.random() < 0.1 else None
        if spoilt is not None:
            mixed.append(spoilt)
            is_bad.append(True)
    found = verdicts(spec, opened(spec, increments), mixed)
    real = [objected for objected, bad in zip(found, is_bad, strict=True) if not bad]
    assert real == verdicts(spec, opened(spec, increments), ticks)
    return sum(is_bad), sum(objected for objected, bad in zip(found, is_bad, strict=True) if bad)


def test_prices_and_sizes_off_their_increments() -> None:
    """A digit too many, a decimal point that slipped, half an increment: every one is caught."""
    put = caught = 0
    for name in NAMES:
        for symbol in market(name).ticks:
            if symbol not in market(name).increments:
                continue
            step, lot = market(name).increments[symbol]

            def spoil(random: Random, tick: Tick, step: Decimal = step, lot: Decimal = lot) -> Tick | None:
                off = step * Decimal(random.randrange(1, 1000)) / 1000
                if type(tick) is Quote:
                    side = random.choice(["bid_price", "ask_price"])
                    return replace(tick, **{side: getattr(tick, side) + off})
                if type(tick) is not Trade and type(tick) is not AggTrade:
                    return None
                if random.random() < 0.5:
                    return replace(tick, price=tick.price + off)
                return replace(tick, size=tick.size + lot / random.choice([2, 10, 1000]))

            found = inject(SPECS["increments"], name, symbol, spoil)
            put, caught = put + found[0], caught + found[1]
    assert put > 25_000
    assert caught == put


def test_bars_that_contradict_themselves() -> None:
    """Behind each real bar a spoilt one: every one is caught."""

    def spoil(random: Random, tick: Tick) -> Tick | None:
        if type(tick) is not Bar:
            return None
        span = tick.high - tick.low + Decimal("0.00000001")
        return random.choice(
            [
                replace(tick, high=min(tick.open, tick.close) - span),
                replace(tick, low=max(tick.open, tick.close) + span),
                replace(tick, open=tick.high + span),
                replace(tick, close=tick.low - span),
                replace(tick, trades=0, volume=tick.volume + 1),
                replace(tick, trades=1, volume=Decimal(0)),
                replace(tick, end_ns=tick.start_ns),
            ]
        )

    put = caught = 0
    for name in NAMES:
        for symbol in market(name).ticks:
            found = inject(SPECS["bar"], name, symbol, spoil)
            put, caught = put + found[0], caught + found[1]
    assert put == 233
    assert caught == put


def freeze(ticks: Sequence[Tick], frozen: Quote, until_ns: int) -> list[Tick]:
    """Return the ticks with each quote in that time replaced by the frozen one; only times and numbers go on."""
    return [
        replace(frozen, recv_ns=tick.recv_ns, event_ns=tick.event_ns, update_id=tick.update_id)
        if type(tick) is Quote and frozen.recv_ns < tick.recv_ns < until_ns
        else tick
        for tick in ticks
    ]


@pytest.mark.parametrize("name", LARGE)
def test_a_frozen_quote(name: str) -> None:
    """From the bound on each repetition is caught, in every one of 40 freezes; real ticks are let alone.

    The bound: 20 repetitions, 2 s, and 3 trades in a row outside of the quote. How long that takes is the market's:
    each freeze of 60 s was found, most of them within 2.5 s.
    """
    ((_, ticks),) = market(name).ticks.items()
    spec = SPECS["frozen"]
    last_ns = ticks[-1].recv_ns - 70 * S
    quotes = [number for number, tick in enumerate(ticks) if type(tick) is Quote and tick.recv_ns < last_ns]
    random = Random(f"freeze {name}")
    delays_ns = []
    for _ in range(40):
        first = random.choice(quotes)
        frozen = ticks[first]
        assert type(frozen) is Quote
        real = [tick for tick in ticks[max(first - 1_000, 0) :] if tick.recv_ns < frozen.recv_ns + 65 * S]
        mixed = freeze(real, frozen, frozen.recv_ns + 60 * S)
        judged = list(zip(real, mixed, verdicts(spec, opened(spec), mixed), strict=True))
        assert not any(objected for tick, one, objected in judged if one is tick)
        of_bad = [(one.recv_ns, objected) for tick, one, objected in judged if one is not tick]
        bound = [objected for _, objected in of_bad].index(True)
        assert bound >= 19
        assert all(objected for _, objected in of_bad[bound:])
        delays_ns.append(of_bad[bound][0] - frozen.recv_ns)
    assert min(delays_ns) >= 2 * S
    assert median(delays_ns) <= 2.5 * S


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("every_ms", [1, 10, 100, 1000])
def test_a_venue_that_repeats_its_quote_is_not_frozen(name: str, every_ms: int) -> None:
    """A quote stated anew every so often, changed or not, with all trades between: no alarm."""
    ((_, ticks),) = market(name).ticks.items()
    stated: list[Tick] = []
    newest: Quote | None = None
    due_ns = ticks[0].recv_ns
    for tick in ticks[:20_000]:
        while tick.recv_ns >= due_ns:
            if newest is not None:
                stated.append(replace(newest, recv_ns=due_ns))
            due_ns += every_ms * 1_000_000
        if type(tick) is Quote:
            newest = tick
        else:
            stated.append(tick)
    assert not any(verdicts(SPECS["frozen"], opened(SPECS["frozen"]), stated))


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("kind", [Trade, Quote])
def test_a_flood(name: str, kind: type[Tick]) -> None:
    """Of a flood of 60,000 ticks in 0.2 s, those beyond the limit are caught, and no tick outside of that second."""
    ((_, ticks),) = market(name).ticks.items()
    spec = SPECS["rate"]
    random = Random(f"flood {name}")
    late = [number for number, tick in enumerate(ticks) if tick.recv_ns - ticks[0].recv_ns > 30 * S]
    first = random.choice([number for number in late if type(ticks[number]) is kind])
    begin_ns = ticks[first].recv_ns
    flood = [
        replace(ticks[first], recv_ns=begin_ns + number * 200 * S // 60_000_000) for number in range(60_000)
    ]
    mixed = sorted([*ticks, *flood], key=lambda tick: tick.recv_ns)
    found = verdicts(spec, opened(spec), mixed)
    objected = [tick for tick, objects in zip(mixed, found, strict=True) if objects]
    assert all(type(tick) is kind for tick in objected)
    assert all(begin_ns <= tick.recv_ns < begin_ns + 2 * S for tick in objected)
    limit = max(2_000, 50 * len([tick for tick in ticks if type(tick) is kind]) / 60)  # generous: of a minute
    assert len(objected) >= 60_000 - 2 * limit
