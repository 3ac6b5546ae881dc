"""Bad prices and old ticks among real ones: they are caught, and the real ones around them are not touched."""

from decimal import Decimal
from random import Random

import msgspec
import pytest

from recordings import recording
from ticktrail.model import Quote, Trade
from unit.rules.injected import Injection, judge_of, verdicts
from unit.rules.test_recordings import OFFSET_NS, read

REPLACE = msgspec.structs.replace
TICKS = 30_000
INJECTED = 3_000
BURSTS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def ticks():
    """Return real trades and quotes, and see that no rule objects to any of them."""
    real = [tick for tick, _ in zip(read(recording()), range(TICKS), strict=False)]
    assert verdicts(judge_of(real, offset_ns=OFFSET_NS), real) == {}
    return real


def moved(tick, factor):
    """Return the tick with all its prices times `factor`."""
    if type(tick) is Trade:
        return REPLACE(tick, price=tick.price * factor)
    return REPLACE(tick, bid_price=tick.bid_price * factor, ask_price=tick.ask_price * factor)


def spike(tick, random):
    """Eleven to a thousand per cent up, or eleven to ninety-nine down."""
    if random.random() < 0.5:
        return moved(tick, 1 + Decimal(random.randint(1_100, 100_000)) / 10_000)
    return moved(tick, 1 - Decimal(random.randint(1_100, 9_900)) / 10_000)


def of_no_price(tick, random):
    """Zero, or below it."""
    return moved(tick, random.choice([Decimal(0), Decimal(-1), Decimal("-0.001")]))


def stale(tick, random):
    """Ten seconds to an hour old."""
    age_ns = random.randint(10_000_000_001, 3_600_000_000_000)
    return REPLACE(tick, event_ns=tick.recv_ns + OFFSET_NS - age_ns)


def from_the_future(tick, random):
    """Fifty milliseconds to an hour early."""
    return REPLACE(tick, event_ns=tick.recv_ns + OFFSET_NS + random.randint(50_000_001, 3_600_000_000_000))


@pytest.mark.parametrize("bad", [spike, of_no_price, stale, from_the_future], ids=lambda bad: bad.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_bad_ticks_are_caught_and_real_ones_are_not(ticks, bad, seed):
    """Single ones and bursts, at random places: at least 99.9 per cent caught, and no word about a real tick."""
    random = Random(seed)
    places = random.sample(range(100, len(ticks)), INJECTED)
    injected = {place: [bad(ticks[place], random) for _ in range(random.choice(BURSTS))] for place in places}
    caught, said = Injection(ticks, injected).judged(judge_of(ticks, offset_ns=OFFSET_NS))
    assert said == {}
    assert caught >= 0.999


@pytest.mark.parametrize("kind", [Trade, Quote])
@pytest.mark.parametrize("percent", [12, -12, 300])
def test_a_market_that_moves_and_stays_is_followed(ticks, kind, percent):
    """From one tick on all prices are others: what is refused lasts a second, or five ticks of a kind."""
    at = 10_000
    factor = 1 + Decimal(percent) / 100
    walk = [*ticks[:at], *(moved(tick, factor) for tick in ticks[at:])]
    found = verdicts(judge_of(ticks, offset_ns=OFFSET_NS), walk)
    of_kind = [place for place in found if type(walk[place]) is kind]
    assert of_kind
    assert min(found) >= at
    refused = [tick for tick in walk[at : max(of_kind) + 1] if type(tick) is kind]
    assert len(of_kind) == len(refused)  # not one passed before the level was confirmed, and all after it
    assert refused[-2].recv_ns - refused[0].recv_ns <= 1_000_000_000 or len(refused) <= 5
