"""A leg of many symbols at a loopback Alpaca: after a cut it fetches what it missed, within the limits."""

import json
from collections import defaultdict

import anyio
import pytest

from ticktrail.model import Gap, Trade
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import provider_at, session, tape
from unit.alpaca.test_live import ends
from unit.binance.stage import Listener

pytestmark = pytest.mark.anyio
NAMES = tuple(f"S{number:03}" for number in range(300))


class Kept:
    """A made-up market that remembers its trades' ids by symbol."""

    def __init__(self):
        self._tape = tape(*NAMES, rate=3_000.0)
        self.market, self.symbols, self.books = self._tape.market, self._tape.symbols, self._tape.books
        self.ids = defaultdict(list)

    def messages(self):
        for message in self._tape.messages():
            symbol, _, channel = message.stream.rpartition("@")
            if channel == "trades":
                event = json.loads(message.raw)
                self.ids[symbol].append(f"{event['x']}:{event['i']}")
            yield message


async def test_three_hundred_symbols_after_a_cut(tmp_path):
    """A few requests bring every trade that each of them missed, in its place; one a symbol would outrun the limits."""
    sent, cut = Kept(), Fault(kind="cut", at_message=6_000)
    async with serve_alpaca(sent, faults=[cut], requests_per_minute=10) as venue:
        provider = provider_at(venue, tmp_path, *NAMES, channels=("trades",), requests_per_minute=10)
        heard = Listener(provider)
        await ends(provider, heard)
        await anyio.sleep(0.5)
        async with session(venue, tmp_path, provider=provider) as again:
            await again.until(
                lambda: len({one.instrument for one in again.of(Trade) if not one.backfilled}) == len(NAMES)
            )
    assert again.of(Gap) == []
    assert [event.kind for event in again.events] == ["websocket", "rest"]  # connections, and no trouble
    assert 3 <= len(venue.asked()) <= 6  # one is asked again where its newest trade is told a moment late
    assert any(one.backfilled for one in again.of(Trade))
    found = defaultdict(list)
    for one in heard.of(Trade) + again.of(Trade):
        found[one.instrument].append(one.id)
    for name in NAMES:
        begin = sent.ids[name].index(found[name][0])
        assert found[name] == sent.ids[name][begin : begin + len(found[name])]
