"""Keep which order books are known, and turn their messages into ticks.

Owns: that a book begins whole, and that nothing of it is believed once one of its messages is lost: they bear no
numbers, so that what is missing cannot be seen later.
Never: reads a frame, or ends a session: whoever sees `lost` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.msgpack import Ext

from ticktrail.model import BookDelta, BookSnapshot, Gap, InstrumentId, Levels, ProviderId
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.wire import BookLevel, BookMessage

__all__ = ["Books"]


class Books:
    """The order books of one leg.

    Args:
        symbols: The leg's instruments by symbol; none where it has no books.
        provider: The leg's name.

    Attributes:
        lost: Symbols whose book is not known any more, because one of its messages could not be read; only a new
            connection brings a whole one.
    """

    def __init__(self, symbols: Mapping[str, InstrumentId], provider: ProviderId) -> None:
        self.lost: set[str] = set()
        self._symbols = symbols
        self._provider = provider
        self._known: set[str] = set()

    def begin_anew(self) -> None:
        """Forget all of them: a new connection begins each with a whole one."""
        self._known.clear()
        self.lost.clear()

    def take(
        self, message: BookMessage[str] | BookMessage[Ext], recv_ns: int
    ) -> BookSnapshot | BookDelta | None:
        """Return a whole book, or a change of one that is known; a change of an unknown book means nothing yet.

        Raises:
            ValueError: A field is not what it must be; `lose` is next.
        """
        symbol, event_ns = message.S, moment_ns(message.t)
        bids, asks = _levels(message.b, falling=True), _levels(message.a, falling=False)
        if message.r:
            self._known.add(symbol)
            return BookSnapshot(
                instrument=self._symbols[symbol],
                provider=self._provider,
                event_ns=event_ns,
                recv_ns=recv_ns,
                bids=bids,
                asks=asks,
                update_id=None,
            )
        if symbol not in self._known:
            return None
        return BookDelta(
            instrument=self._symbols[symbol],
            provider=self._provider,
            event_ns=event_ns,
            recv_ns=recv_ns,
            bids=bids,
            asks=asks,
            first_update_id=None,
            update_id=None,
        )

    def lose(self, symbol: str | None, recv_ns: int) -> Sequence[Gap]:
        """Believe nothing of a book from here on, or of any where it is not known whose message was lost.

        It may have been a whole one, so that a book which was not known yet is lost as well. Each is told once.
        """
        gone: Iterable[str] = self._symbols if symbol is None else {symbol} & self._symbols.keys()
        gaps: list[Gap] = []
        for name in sorted(gone):
            if name in self._known or name not in self.lost:
                self._known.discard(name)
                self.lost.add(name)
                gaps.append(
                    Gap(
                        instrument=self._symbols[name],
                        provider=self._provider,
                        event_ns=None,
                        recv_ns=recv_ns,
                        channel="book",
                        from_id=None,
                        to_id=None,
                        from_ns=recv_ns,
                        to_ns=recv_ns,
                        cause="undecodable",
                    )
                )
        return gaps


def _levels(levels: Sequence[BookLevel], *, falling: bool) -> Levels:
    """Return levels best first.

    Raises:
        ValueError: One is no price and size.
    """
    for level in levels:
        if not (level.p.is_finite() and level.s.is_finite() and level.p > 0 and level.s >= 0):
            raise ValueError(f"a level of the book, {level.p} with {level.s}, is no price and size")
    return tuple(sorted(((level.p, level.s) for level in levels), reverse=falling))
