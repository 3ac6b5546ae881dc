"""Turn the rows of the archive into ticks.

Owns: what a row means, and which rows cannot be: the error names the row.
Never: asks for one.

Source: docs.alpaca.markets, "Market Data API" reference (``u`` of a trade: ``canceled``, ``incorrect``, ``corrected``),
read 2026-11.
"""

from __future__ import annotations

from ticktrail.model import Bar, InstrumentId, ProviderId, Quote, Trade
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.events import SIDES, check_bar, check_quote, check_trade, trade_name
from ticktrail_alpaca.markets import MarketName
from ticktrail_alpaca.rest.rows import RestBar, RestQuote, RestTrade, number
from ticktrail_alpaca.spans import bar_end_ns

__all__ = ["bar_of", "quote_of", "trade_of"]

NO_LONGER = frozenset({"canceled", "incorrect"})


def trade_of(row: RestTrade, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Trade | None:
    """Return the trade; None for one that no longer stands, since it was cancelled or a correction replaced it.

    Raises:
        ValueError: It cannot be a trade.
    """
    if row.u in NO_LONGER:
        return None
    name = trade_name(row.x, row.i)
    try:
        price, size = number(row.p), number(row.s)
        check_trade(price, size)
        event_ns = moment_ns(row.t)
    except ValueError as exc:
        raise ValueError(f"its trade {name} of {row.t[:40]}: {exc}") from exc
    return Trade(
        instrument=instrument,
        provider=provider,
        event_ns=event_ns,
        recv_ns=recv_ns,
        backfilled=True,
        id=name,
        price=price,
        size=size,
        side=SIDES.get(row.tks),
    )


def quote_of(row: RestQuote, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Quote:
    """Return the quote.

    Raises:
        ValueError: It cannot be one.
    """
    try:
        bid_price, bid_size = number(row.bp), number(row.bs)
        ask_price, ask_size = number(row.ap), number(row.asks)
        check_quote(bid_price, bid_size, ask_price, ask_size)
        event_ns = moment_ns(row.t)
    except ValueError as exc:
        raise ValueError(f"its quote of {row.t[:40]}: {exc}") from exc
    return Quote(
        instrument=instrument,
        provider=provider,
        event_ns=event_ns,
        recv_ns=recv_ns,
        backfilled=True,
        bid_price=bid_price,
        bid_size=bid_size,
        ask_price=ask_price,
        ask_size=ask_size,
    )


def bar_of(
    row: RestBar,
    instrument: InstrumentId,
    provider: ProviderId,
    recv_ns: int,
    *,
    timeframe: str,
    market: MarketName,
) -> Bar | None:
    """Return the bar; None for one that is not over yet at `recv_ns`.

    Raises:
        ValueError: It cannot be one.
    """
    try:
        start_ns = moment_ns(row.t)
        end_ns = bar_end_ns(start_ns, timeframe, market)
        if end_ns > recv_ns:
            return None
        first, highest, lowest, last = number(row.o), number(row.h), number(row.l), number(row.c)
        volume = number(row.v)
        check_bar(first, highest, lowest, last, volume)
    except ValueError as exc:
        raise ValueError(f"its bar of {row.t[:40]}: {exc}") from exc
    return Bar(
        instrument=instrument,
        provider=provider,
        event_ns=end_ns,
        recv_ns=recv_ns,
        backfilled=True,
        open=first,
        high=highest,
        low=lowest,
        close=last,
        volume=volume,
        start_ns=start_ns,
        end_ns=end_ns,
        final=True,
        trades=row.n,
    )
