"""The venue's own Python client, unmodified but for its URL, is content with the loopback venue.

It streams on asyncio and asks for history by threads; the venue runs on trio.
"""

import threading
import warnings
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio

from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.alpaca.tape import RecordingAlpacaTape
from unit.mock.alpaca_stage import FEED, Tape, plain, record

with warnings.catch_warnings():
    # alpaca-py streams by the old interface of websockets, which complains as soon as it is imported
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
    from alpaca.data.live import CryptoDataStream, StockDataStream
    from alpaca.data.models import Trade
    from alpaca.data.requests import (
        CryptoBarsRequest,
        CryptoLatestOrderbookRequest,
        CryptoLatestQuoteRequest,
        CryptoQuoteRequest,
        CryptoSnapshotRequest,
        CryptoTradesRequest,
        StockBarsRequest,
        StockLatestQuoteRequest,
        StockLatestTradeRequest,
        StockQuotesRequest,
        StockSnapshotRequest,
        StockTradesRequest,
    )
    from alpaca.data.timeframe import TimeFrame

pytestmark = pytest.mark.anyio
DEADLINE_S = 60
CHANNELS = {"stocks": ["trades", "quotes", "bars"], "crypto": ["trades", "quotes", "bars", "orderbooks"]}


class Streaming:
    """A stream of alpaca-py in a thread of its own, and all that it handed to its handlers."""

    def __init__(self, venue, *, wanted, raw_data=True, prefix="", symbols=("*",)):
        kind = StockDataStream if venue.market == "stocks" else CryptoDataStream
        self.got = []
        self._wanted = wanted
        self._enough = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        self._stream = kind(
            "KEY", "SECRET", raw_data=raw_data, url_override=venue.ws_url(prefix) + FEED[venue.market]
        )
        self._stream._reconnect_min_backoff = self._stream._reconnect_max_backoff = 0.05
        for channel in CHANNELS[venue.market]:
            getattr(self._stream, f"subscribe_{channel}")(self._keep, *symbols)
        self._thread = threading.Thread(target=self._stream.run, daemon=True)

    async def _keep(self, event):
        self.got.append(event)
        if len(self.got) == self._wanted:
            self._token.run_sync_soon(self._enough.set)

    @asynccontextmanager
    async def running(self):
        """Run until so much has come as was wanted."""
        self._thread.start()
        try:
            with trio.fail_after(DEADLINE_S):
                await self._enough.wait()
            yield self.got
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + DEADLINE_S):
                await trio.to_thread.run_sync(self._end)

    def _end(self):
        self._stream.stop()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


async def streamed(venue, **wanted):
    """What a stream got until it had so much; raw events with times in nanoseconds."""
    async with Streaming(venue, **wanted).running() as got:
        return [plain(event) if isinstance(event, dict) else event for event in got]


def sent(tape, channels):
    """What the venue's tape gave, as the raw data of alpaca-py, but for the kind of its times."""
    return [plain(event) for event in tape.events(*channels)]


@pytest.mark.parametrize("market", ["stocks", "crypto"])
async def test_the_stream_gets_exactly_what_was_sent(market):
    """Every message, in order, number for number and nanosecond for nanosecond; a book begins whole."""
    tape = Tape(market, ends_after=3_000)
    resets = len(tape.symbols()) if market == "crypto" else 0
    wanted = sum(
        message.stream.rpartition("@")[2] in CHANNELS[market]
        for message in Tape(market, ends_after=3_000).messages()
    )
    async with serve_alpaca(tape, speed="max") as venue:
        got = await streamed(venue, wanted=wanted + resets)
    assert [(event["T"], event["r"]) for event in got[:resets]] == [("o", True)] * resets
    for symbol, opening in zip(tape.symbols(), got[:resets], strict=False):
        bids, asks = tape.books()[symbol].levels()
        floats = [[{"p": float(one["p"]), "s": float(one["s"])} for one in side] for side in (bids, asks)]
        assert [opening["b"], opening["a"]] == floats
    assert got[resets:] == sent(tape, CHANNELS[market])
    assert {event["T"] for event in got} == set("tqbo" if market == "crypto" else "tqb")


@pytest.mark.parametrize("market", ["stocks", "crypto"])
async def test_the_stream_s_models(market):
    """Its own types take every message."""
    tape = Tape(market)
    async with serve_alpaca(tape, speed="max") as venue:
        got = await streamed(venue, wanted=500, raw_data=False)
    kinds = {type(model).__name__ for model in got}
    trades = [model for model in got if isinstance(model, Trade)]
    assert kinds == {"Trade", "Quote", "Bar", *(["Orderbook"] if market == "crypto" else [])}
    for model, event in zip(trades, tape.events("trades"), strict=False):
        assert (model.symbol, model.price, model.size, model.id) == (
            event["S"],
            event["p"],
            event["s"],
            event["i"],
        )
        assert model.timestamp == datetime.fromtimestamp(plain(event)["t"] // 1_000 / 1e6, tz=UTC)


async def test_a_request_in_fragments():
    """A list of symbols that alpaca-py cuts into several frames is read as one request."""
    many = [f"S{number:05d}" for number in range(6_000)]
    tape = Tape()
    async with (
        serve_alpaca(tape, speed="max") as venue,
        Streaming(venue, wanted=10, symbols=(*tape.symbols(), *many)).running(),
    ):
        assert venue.subscribed() == 3 * (len(many) + 2)


async def test_a_stream_that_is_cut_comes_back():
    """It connects, authenticates and subscribes anew, and nothing that waits is lost."""
    fault = Fault(kind="cut", at_message=100)
    tape = Tape(ends_after=1_000)
    wanted = sum(m.stream.rpartition("@")[2] in CHANNELS["stocks"] for m in Tape(ends_after=1_000).messages())
    async with serve_alpaca(tape, speed="max", faults=[fault], waits=True) as venue:
        got = await streamed(venue, wanted=wanted)
    assert got == sent(tape, CHANNELS["stocks"])


# History


def rows(messages, channel):
    """By symbol, what the tape had of a channel."""
    found = {}
    for message in messages:
        symbol, _, own = message.stream.rpartition("@")
        if own == channel:
            found.setdefault(symbol, []).append(message)
    return found


REQUESTS = {
    "stocks": {"trades": StockTradesRequest, "quotes": StockQuotesRequest, "bars": StockBarsRequest},
    "crypto": {"trades": CryptoTradesRequest, "quotes": CryptoQuoteRequest, "bars": CryptoBarsRequest},
}


@asynccontextmanager
async def asking(tmp_path, market, count=25_000, **settings):
    """An archive, a client of it, and its messages."""
    messages = list(Tape(market, moves_ns=100_000_000, ends_after=count).messages())
    tape = RecordingAlpacaTape(record(tmp_path / "day.jsonl", messages))
    async with serve_alpaca(tape, archive=True, **settings) as venue:
        if market == "stocks":
            client = StockHistoricalDataClient("KEY", "SECRET", raw_data=True, url_override=venue.rest_url())
        else:
            client = CryptoHistoricalDataClient(raw_data=True, url_override=venue.rest_url())
        try:
            yield venue, client, messages
        finally:
            client._session.close()


async def ask(client, market, what, request):
    """Ask in a thread, as whoever uses this client must."""
    name = f"get_{'stock' if market == 'stocks' else 'crypto'}_{what}"
    with trio.fail_after(DEADLINE_S):
        return await trio.to_thread.run_sync(getattr(client, name), request)


@pytest.mark.parametrize("market", ["stocks", "crypto"])
@pytest.mark.parametrize("channel", ["trades", "quotes", "bars"])
async def test_history_has_each_row_once(tmp_path, market, channel):
    """All pages of all symbols, in order, nothing twice and nothing left out."""
    async with asking(tmp_path, market) as (venue, client, messages):
        expected = rows(messages, channel)
        own = {"timeframe": TimeFrame.Minute} if channel == "bars" else {}
        start = datetime(2020, 1, 1, tzinfo=UTC)
        request = REQUESTS[market][channel](symbol_or_symbols=sorted(expected), start=start, **own)
        got = await ask(client, market, channel, request)
        asked = len(venue.asked())
    total = sum(map(len, expected.values()))
    assert asked == -(-total // 10_000)
    assert channel != "quotes" or market != "stocks" or asked > 1
    for symbol, of_tape in expected.items():
        assert [row["t"] for row in got[symbol]] == [time_of(message) for message in of_tape]
    assert list(got) == sorted(expected)


def time_of(message):
    return message.raw.decode().partition('"t":"')[2].partition('"')[0]


@pytest.mark.parametrize("market", ["stocks", "crypto"])
async def test_a_limit_over_pages_and_models(tmp_path, market):
    """The client's own limit, its types, and the answers that have no pages."""
    async with asking(tmp_path, market, count=2_000) as (_, client, messages):
        symbols = sorted(rows(messages, "trades"))
        request = REQUESTS[market]["trades"](
            symbol_or_symbols=symbols, start=datetime(2020, 1, 1, tzinfo=UTC), limit=150
        )
        got = await ask(client, market, "trades", request)
        assert sum(map(len, got.values())) == 150
        client._use_raw_data = False
        models = await ask(client, market, "trades", request)
        assert [trade.price for trade in models.data[symbols[0]]] == [row["p"] for row in got[symbols[0]]]
        latest, shot = (
            (StockLatestQuoteRequest, StockSnapshotRequest)
            if market == "stocks"
            else (CryptoLatestQuoteRequest, CryptoSnapshotRequest)
        )
        quotes = await ask(client, market, "latest_quote", latest(symbol_or_symbols=symbols))
        shots = await ask(client, market, "snapshot", shot(symbol_or_symbols=symbols))
        for symbol in symbols:
            assert shots[symbol].latest_quote == quotes[symbol]
            assert shots[symbol].minute_bar.symbol == symbol
        if market == "stocks":
            asked = StockLatestTradeRequest(symbol_or_symbols=symbols)
            assert set(await ask(client, market, "latest_trade", asked)) == set(symbols)


async def test_the_newest_book_by_rest():
    """As the client's own type, once the tape has said something of it."""
    tape = Tape("crypto")
    async with serve_alpaca(tape, speed="max") as venue, Streaming(venue, wanted=100).running():
        client = CryptoHistoricalDataClient(url_override=venue.rest_url())
        try:
            request = CryptoLatestOrderbookRequest(symbol_or_symbols=tape.symbols())
            books = await ask(client, "crypto", "latest_orderbook", request)
        finally:
            client._session.close()
    for book in books.values():
        assert book.bids[0].price < book.asks[0].price
        assert book.bids[0].price == max(level.price for level in book.bids)


async def test_history_that_goes_wrong(tmp_path):
    """A page without rows, then one that is refused for a while: the client gets every row all the same."""
    async with asking(tmp_path, "stocks", count=2_000) as (venue, client, messages):
        client._retry_wait = 0
        await venue.do(Fault(kind="empty_page", at_s=0))
        await venue.do(Fault(kind="refuse", at_s=0, status=429))
        symbols = sorted(rows(messages, "trades"))
        request = StockTradesRequest(symbol_or_symbols=symbols, start=datetime(2020, 1, 1, tzinfo=UTC))
        got = await ask(client, "stocks", "trades", request)
        assert {symbol: len(of) for symbol, of in got.items()} == {
            symbol: len(of) for symbol, of in rows(messages, "trades").items()
        }
        assert len(venue.asked()) == 3
