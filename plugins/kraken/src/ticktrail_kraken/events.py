"""Make ticks of the venue's rows.

Owns: what each field means, and what could be no trade, quote or bar.
Never: knows what came before; the tapes, books and bars do.

Sources: docs.kraken.com, "Spot WebSocket v2": Trades (`side` of the taker; `timestamp` of the book's update), Ticker,
Candles, read 2026-11.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import Bar, InstrumentId, ProviderId, Quote, Ticker, Trade
from ticktrail.moments import ns_of_rfc3339
from ticktrail_kraken.checksum import is_endless
from ticktrail_kraken.settings import NS_PER_MINUTE
from ticktrail_kraken.wire import OhlcRow, TickerRow, TradeRow

__all__ = ["bar_of", "check_bar", "check_trade", "quote_of", "ticker_of", "trade_of"]

NOBODY = Decimal(0)
MOST_ID = 2**63
MOST_MINUTES = 21_600


def trade_of(row: TradeRow, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Trade:
    """Return the trade.

    Raises:
        ValueError: It could be none.
    """
    check_trade(row.price, row.qty, row.trade_id)
    return Trade(
        instrument=instrument,
        provider=provider,
        event_ns=ns_of_rfc3339(row.timestamp),
        recv_ns=recv_ns,
        id=row.trade_id,
        price=row.price,
        size=row.qty,
        side=row.side,
    )


def check_trade(price: Decimal, size: Decimal, number: int) -> None:
    """Return if these could be a trade's.

    Raises:
        ValueError: They could not.
    """
    _check(price, size)
    if not (price > 0 and size > 0 and 0 <= number < MOST_ID):
        raise ValueError(f"a trade of {size} at {price} with the id {number} is none")


def quote_of(row: TickerRow, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Quote:
    """Return the best bid and offer; a side on which nobody stands has price and size 0.

    Raises:
        ValueError: It could be none.
    """
    bid, bid_size, ask, ask_size = _top(row)
    return Quote(
        instrument=instrument,
        provider=provider,
        event_ns=_moment(row),
        recv_ns=recv_ns,
        bid_price=bid,
        bid_size=bid_size,
        ask_price=ask,
        ask_size=ask_size,
    )


def ticker_of(row: TickerRow, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Ticker | None:
    """Return the ticker; None for a pair that has not traded yet.

    Raises:
        ValueError: It could be none.
    """
    if row.last is None:
        return None
    volume = NOBODY if row.volume is None else row.volume
    _check(row.last, volume)
    bid, bid_size, ask, ask_size = _top(row)
    return Ticker(
        instrument=instrument,
        provider=provider,
        event_ns=_moment(row),
        recv_ns=recv_ns,
        last=row.last,
        bid_price=bid,
        bid_size=bid_size,
        ask_price=ask,
        ask_size=ask_size,
        volume_24h=volume,
    )


def bar_of(
    row: OhlcRow, instrument: InstrumentId, provider: ProviderId, at_ns: int | None, recv_ns: int
) -> Bar:
    """Return the bar as it stands.

    Args:
        row: The candle.
        instrument: Whose.
        provider: The leg's name.
        at_ns: When the message was made, where it says so.
        recv_ns: When it came.

    Raises:
        ValueError: It could be none.
    """
    check_bar(row.open, row.high, row.low, row.close, row.volume)
    start_ns = ns_of_rfc3339(row.interval_begin)
    if not 0 < row.interval <= MOST_MINUTES or not 0 <= row.trades < MOST_ID:
        raise ValueError(f"a bar of {row.interval} minutes and {row.trades} trades is none")
    return Bar(
        instrument=instrument,
        provider=provider,
        event_ns=at_ns,
        recv_ns=recv_ns,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        start_ns=start_ns,
        end_ns=start_ns + row.interval * NS_PER_MINUTE,
        final=False,
        trades=row.trades,
    )


def check_bar(first: Decimal, high: Decimal, low: Decimal, last: Decimal, volume: Decimal) -> None:
    """Return if these could be a bar's.

    Raises:
        ValueError: They could not.
    """
    _check(first, high, low, last, volume)
    if not low <= min(first, last) <= max(first, last) <= high or low <= 0:
        raise ValueError(f"a bar from {first} to {last} between {low} and {high} is none")


def _top(row: TickerRow) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    if (row.bid is None) != (row.bid_qty is None) or (row.ask is None) != (row.ask_qty is None):
        raise ValueError("a best bid or offer has a price without a size, or a size without a price")
    bid, bid_size, ask, ask_size = (
        NOBODY if number is None else number for number in (row.bid, row.bid_qty, row.ask, row.ask_qty)
    )
    _check(bid, bid_size, ask, ask_size)
    return bid, bid_size, ask, ask_size


def _check(*numbers: Decimal) -> None:
    for number in numbers:
        if is_endless(number) or number < 0:
            raise ValueError(f"{str(number)[:40]} is no price or size")


def _moment(row: TickerRow) -> int | None:
    return None if row.timestamp is None else ns_of_rfc3339(row.timestamp)
