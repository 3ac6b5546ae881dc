"""Hold what the console shows: one row an instrument.

Owns: the latest prices, the count, the rate and the age of each instrument.
Never: writes to a terminal, or reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.table import Table

from ticktrail.model import Bar, InstrumentId, ProviderId, Quote, Tick, Ticker, Trade

__all__ = ["Board", "Row"]

_NS_PER_S = 1_000_000_000
_MOST_PLACES = 30
"""A number further from one than this keeps its exponent: written out, a false price could fill the memory."""
_NONE = "-"


class Row:
    """The state of one instrument."""

    __slots__ = ("ask", "bid", "counted", "instrument", "last", "provider", "rate", "recv_ns", "ticks")

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.last: Decimal | None = None
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.provider: ProviderId | None = None
        self.recv_ns = 0
        self.ticks = 0
        self.counted = 0
        self.rate: float | None = None

    def cells(self, now_ns: int) -> tuple[str, ...]:
        """Return the row as text: instrument, last, bid, ask, spread, ticks, rate, age, provider."""
        known = self.bid is not None and self.ask is not None
        return (
            self.instrument,
            _digits(self.last),
            _digits(self.bid),
            _digits(self.ask),
            _digits(self.ask - self.bid)
            if known and self.ask is not None and self.bid is not None
            else _NONE,
            f"{self.ticks:,}",
            _NONE if self.rate is None else f"{self.rate:,.0f}/s",
            f"{max(0, now_ns - self.recv_ns) / _NS_PER_S:.1f} s",
            self.provider or _NONE,
        )


class Board:
    """All rows, in the order in which the instruments first came."""

    def __init__(self, *, max_rows: int) -> None:
        self._rows: dict[InstrumentId, Row] = {}
        self._max_rows = max_rows
        self._counted_ns: int | None = None
        self.beyond = 0

    @property
    def rows(self) -> Sequence[Row]:
        """The rows shown."""
        return tuple(self._rows.values())

    def take(self, ticks: Sequence[Tick]) -> None:
        """Bring the rows up to date; ticks of instruments beyond `max_rows` are counted in `beyond`."""
        rows = self._rows
        for tick in ticks:
            row = rows.get(tick.instrument)
            if row is None:
                if len(rows) >= self._max_rows:
                    self.beyond += 1
                    continue
                row = rows[tick.instrument] = Row(tick.instrument)
            row.ticks += 1
            row.recv_ns = tick.recv_ns
            row.provider = tick.provider
            if type(tick) is Quote:
                row.bid, row.ask = tick.bid_price, tick.ask_price
            elif type(tick) is Trade:
                row.last = tick.price
            elif type(tick) is Ticker:
                row.last, row.bid, row.ask = tick.last, tick.bid_price, tick.ask_price
            elif type(tick) is Bar:
                row.last = tick.close

    def count(self, mono_ns: int) -> None:
        """Work out the rates since the last call, if that is a second ago or more."""
        if self._counted_ns is None:
            self._counted_ns = mono_ns
        passed = (mono_ns - self._counted_ns) / _NS_PER_S
        if passed < 1.0:
            return
        for row in self._rows.values():
            row.rate = (row.ticks - row.counted) / passed
            row.counted = row.ticks
        self._counted_ns = mono_ns

    def table(self, title: str, now_ns: int) -> Table:
        """Return the rows as a table."""
        table = Table(title=title, title_justify="left")
        table.add_column("instrument")
        for heading in ("last", "bid", "ask", "spread", "ticks", "rate", "age"):
            table.add_column(heading, justify="right")
        table.add_column("provider")
        for row in self._rows.values():
            table.add_row(*row.cells(now_ns))
        if self.beyond:
            table.caption = f"{self.beyond:,} ticks of further instruments are not shown"
        return table

    def lines(self, now_ns: int) -> Sequence[str]:
        """Return the rows as plain lines."""
        names = ("", "last ", "bid ", "ask ", "spread ", "ticks ", "", "age ", "from ")
        return [
            "  ".join(name + cell for name, cell in zip(names, row.cells(now_ns), strict=True))
            for row in self._rows.values()
        ]


def _digits(value: Decimal | None) -> str:
    if value is None:
        return _NONE
    return format(value, "f") if abs(value.adjusted()) <= _MOST_PLACES else str(value)
