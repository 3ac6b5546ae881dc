"""Every recording through a whole feed, judged at the recorder's own times by a production rule set: who is refused?"""

from decimal import Decimal

import pytest

from ticktrail._clock.peer import PeerDelay
from ticktrail.rules import PriceRangeSettings
from unit.binance.test_recorded_books import LARGE, SMALL
from unit.rules.injected import judge_of, verdicts
from unit.rules.market import market
from unit.rules.replayed import Recorded

RULES = """
[validation.classes.priced-in-coins]
instruments = ["*/BTC", "*/ETH"]
min_price = "0.00000001"
"""
SLOW_MS = {
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz": 1_270,
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz": 1_523,
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz": 1_272,
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz": 1_275,
    "binance_spot/cf_binance_us_20211011.jsonl.gz": 76,
}
"""How much the recorder's clock was slow, by the recordings' own README, where it matters to a rule."""


RECEIVED = {
    "binance_futures/cf_binance_delivery_20210722.jsonl.gz": 2_291,
    "binance_futures/cf_binance_futures_20210722.jsonl.gz": 708,
    "binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz": 1_913,
    "binance_spot/cf_binance_20211012.jsonl.gz": 86,
    "binance_spot/cf_binance_tr_20230410.jsonl.gz": 50,
    "binance_spot/cf_binance_us_20211011.jsonl.gz": 140,
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz": 48_355,
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz": 52_260,
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz": 53_992,
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz": 93_078,
}
"""What a leg makes of each: trades (aggregates, of futures), quotes and closed bars."""


@pytest.mark.anyio
@pytest.mark.parametrize("name", [*SMALL, *LARGE])
async def test_not_one_recorded_tick_is_rejected(tmp_path, name):
    """Prices of coins in coins are small, which the feed file says; nothing else has to be said for any recording."""
    recorded = Recorded(name)
    coins = any(name.endswith(("/BTC", "/ETH")) for name in recorded.instruments.values())
    report = await recorded.run(tmp_path, validation=RULES if coins else "", offset_ms=SLOW_MS.get(name))
    received = {kind: count for kind, count in report.received["replay"].items() if kind != "book"}
    assert sum(received.values()) == RECEIVED[name]  # few rules look at books; none may object to one either
    assert (report.rejected, report.flagged) == ({}, {})


@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_the_venue_s_own_times_tell_the_clock_and_then_no_rule_objects(name):
    """Every message of a kind that rules judge, those among them that no leg subscribes to.

    The recorder's clock is believed until the venue's times prove it slow; what they say is then the offset.
    """
    for ticks in market(name).ticks.values():
        witness = PeerDelay(window_s=3_600)
        for tick in ticks:
            witness.see((tick,), tick.recv_ns)
        reading = witness.take()
        slow_ns = 0 if reading is None else max(0, -reading.least_delay_ns)
        if name == "binance_spot/cf_binance_us_20211011.jsonl.gz":
            slow_ns = 76_000_000  # a pair of it trades too seldom for a witness
        small = PriceRangeSettings(min_price=Decimal("0.00000001"))
        judge = judge_of(ticks, offset_ns=slow_ns, price_range=small)
        assert verdicts(judge, ticks) == {}
