"""Build ticks with sensible values, so that a test states only what it is about.

Owns: the defaults of every kind of tick.
Never: reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ticktrail.model import (
    AggTrade,
    Bar,
    BookDelta,
    BookSnapshot,
    Channel,
    Correction,
    Gap,
    Imbalance,
    InstrumentId,
    Liquidation,
    MarkPrice,
    PriceBand,
    ProviderId,
    Quote,
    Side,
    Status,
    Switched,
    Tick,
    Ticker,
    Trade,
)

__all__ = [
    "make_agg_trade",
    "make_bar",
    "make_book_delta",
    "make_book_snapshot",
    "make_correction",
    "make_gap",
    "make_imbalance",
    "make_liquidation",
    "make_mark_price",
    "make_price_band",
    "make_quote",
    "make_status",
    "make_switched",
    "make_ticker",
    "make_trade",
    "one_of_each",
]

INSTRUMENT = "BTC/USDT"
PROVIDER = "test"
RECV_NS = 1_700_000_000_000_000_000
EVENT_NS = RECV_NS - 20_000_000  # 20 ms on the way


def make_trade(
    price: str = "100.00",
    *,
    size: str = "1.5",
    id: int | str = 1,  # noqa: A002 - the field's name
    side: Side | None = "buy",
    instrument: str = INSTRUMENT,
    provider: str = PROVIDER,
    event_ns: int | None = EVENT_NS,
    recv_ns: int = RECV_NS,
    backfilled: bool = False,
    synthetic: bool = False,
) -> Trade:
    """Return a trade."""
    return Trade(
        instrument=InstrumentId(instrument),
        provider=ProviderId(provider),
        event_ns=event_ns,
        recv_ns=recv_ns,
        backfilled=backfilled,
        synthetic=synthetic,
        id=id,
        price=Decimal(price),
        size=Decimal(size),
        side=side,
    )


def make_agg_trade(
    price: str = "100.00",
    *,
    size: str = "1.5",
    id: int = 1,  # noqa: A002 - the field's name
    first_id: int = 1,
    last_id: int = 3,
    recv_ns: int = RECV_NS,
) -> AggTrade:
    """Return an aggregate of three trades."""
    return AggTrade(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        id=id,
        price=Decimal(price),
        size=Decimal(size),
        side="buy",
        first_id=first_id,
        last_id=last_id,
    )


def make_quote(
    bid: str = "99.99",
    ask: str = "100.01",
    *,
    bid_size: str = "2",
    ask_size: str = "3",
    update_id: int | None = None,
    instrument: str = INSTRUMENT,
    provider: str = PROVIDER,
    event_ns: int | None = EVENT_NS,
    recv_ns: int = RECV_NS,
    synthetic: bool = False,
) -> Quote:
    """Return a quote."""
    return Quote(
        instrument=InstrumentId(instrument),
        provider=ProviderId(provider),
        event_ns=event_ns,
        recv_ns=recv_ns,
        synthetic=synthetic,
        bid_price=Decimal(bid),
        bid_size=Decimal(bid_size),
        ask_price=Decimal(ask),
        ask_size=Decimal(ask_size),
        update_id=update_id,
    )


def make_ticker(
    last: str = "100.00",
    *,
    bid: str = "99.99",
    ask: str = "100.01",
    volume_24h: str = "5000",
    instrument: str = INSTRUMENT,
    provider: str = PROVIDER,
    event_ns: int | None = EVENT_NS,
    recv_ns: int = RECV_NS,
) -> Ticker:
    """Return a ticker."""
    return Ticker(
        instrument=InstrumentId(instrument),
        provider=ProviderId(provider),
        event_ns=event_ns,
        recv_ns=recv_ns,
        last=Decimal(last),
        bid_price=Decimal(bid),
        bid_size=Decimal(2),
        ask_price=Decimal(ask),
        ask_size=Decimal(3),
        volume_24h=Decimal(volume_24h),
    )


def make_bar(
    close: str = "100.00",
    *,
    open: str = "99.50",  # noqa: A002 - the field's name
    high: str = "100.50",
    low: str = "99.00",
    instrument: str = INSTRUMENT,
    provider: str = PROVIDER,
    event_ns: int | None = EVENT_NS,
    recv_ns: int = RECV_NS,
) -> Bar:
    """Return the final bar of the minute before `RECV_NS`."""
    return Bar(
        instrument=InstrumentId(instrument),
        provider=ProviderId(provider),
        event_ns=event_ns,
        recv_ns=recv_ns,
        open=Decimal(open),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal("12.5"),
        start_ns=RECV_NS - 60_000_000_000,
        end_ns=RECV_NS,
        final=True,
    )


def make_book_snapshot(*, update_id: int | None = 10, recv_ns: int = RECV_NS) -> BookSnapshot:
    """Return a book of two levels a side."""
    return BookSnapshot(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        bids=((Decimal("99.99"), Decimal(2)), (Decimal("99.98"), Decimal(5))),
        asks=((Decimal("100.01"), Decimal(3)), (Decimal("100.02"), Decimal(7))),
        update_id=update_id,
    )


def make_book_delta(
    *, first_update_id: int | None = 11, update_id: int | None = 12, recv_ns: int = RECV_NS
) -> BookDelta:
    """Return a delta that changes one bid and removes one ask."""
    return BookDelta(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        bids=((Decimal("99.99"), Decimal("2.5")),),
        asks=((Decimal("100.01"), Decimal(0)),),
        first_update_id=first_update_id,
        update_id=update_id,
    )


def make_status(state: str = "halted", *, reason: str | None = "LULD", recv_ns: int = RECV_NS) -> Status:
    """Return a change of trading state."""
    return Status(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        state=state,
        reason=reason,
    )


def make_mark_price(mark: str = "100.00", *, recv_ns: int = RECV_NS) -> MarkPrice:
    """Return a mark price with the funding that is due in an hour."""
    return MarkPrice(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        mark=Decimal(mark),
        index=Decimal("100.01"),
        funding_rate=Decimal("0.0001"),
        next_funding_ns=RECV_NS + 3_600_000_000_000,
    )


def make_liquidation(price: str = "98.00", *, recv_ns: int = RECV_NS) -> Liquidation:
    """Return a long position that was closed by force."""
    return Liquidation(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        side="sell",
        price=Decimal(price),
        average_price=Decimal("98.20"),
        size=Decimal(4),
    )


def make_price_band(lower: str = "95.00", upper: str = "105.00", *, recv_ns: int = RECV_NS) -> PriceBand:
    """Return the band of five percent about 100."""
    return PriceBand(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        lower=Decimal(lower),
        upper=Decimal(upper),
        indicator="B",
    )


def make_imbalance(price: str = "100.10", *, recv_ns: int = RECV_NS) -> Imbalance:
    """Return an imbalance before an auction."""
    return Imbalance(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        price=Decimal(price),
    )


def make_correction(
    *,
    original_id: int | str = 1,
    price: str | None = None,
    size: str | None = None,
    recv_ns: int = RECV_NS,
) -> Correction:
    """Return the cancellation of a trade, or its correction where a price and size are given."""
    return Correction(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=EVENT_NS,
        recv_ns=recv_ns,
        original_id=original_id,
        id=None,
        price=None if price is None else Decimal(price),
        size=None if size is None else Decimal(size),
    )


def make_gap(
    *, channel: Channel = "trades", from_id: int | None = 2, to_id: int | None = 4, recv_ns: int = RECV_NS
) -> Gap:
    """Return a hole of three trades."""
    return Gap(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=None,
        recv_ns=recv_ns,
        channel=channel,
        from_id=from_id,
        to_id=to_id,
        from_ns=recv_ns - 1_000_000_000,
        to_ns=recv_ns,
        cause="reconnected",
    )


def make_switched(*, from_provider: str | None = "other", recv_ns: int = RECV_NS) -> Switched:
    """Return a hand-over."""
    return Switched(
        instrument=InstrumentId(INSTRUMENT),
        provider=ProviderId(PROVIDER),
        event_ns=None,
        recv_ns=recv_ns,
        from_provider=None if from_provider is None else ProviderId(from_provider),
        cause="silent",
    )


def one_of_each() -> Sequence[Tick]:
    """Return one tick of every kind, so that a consumer meets them all."""
    return (
        make_trade(),
        make_agg_trade(),
        make_quote(),
        make_ticker(),
        make_bar(),
        make_book_snapshot(),
        make_book_delta(),
        make_status(),
        make_mark_price(),
        make_liquidation(),
        make_price_band(),
        make_imbalance(),
        make_correction(),
        make_gap(),
        make_switched(),
    )
